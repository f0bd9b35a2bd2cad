// What becomes of one picture that a discriminator is shown, drawn on the host: a row of the tables that DiscriminatorAugment puts on the device.
#pragma once
#include <cstdint>
#include <string>

#include "weft/kernels/philox.h"

namespace weft::gan {

/// Places to write to. A draw fills in all of them.
struct Alteration {
  int height, width, channels;           // of the picture
  int32_t* places;                       // (H*W, taps): pixels of the picture, y*W + x, or -1 for grey, a 0
  float* weights;                        // the same; null where there is one tap
  float *colour, *offset, *towards;      // (C,C) from channel to channel, (C), and how far towards the picture's mean
};

/// Numbers of a stream that are one sample's. Each parameter of an alteration has numbers of its own, so that switching one on leaves the others as
/// they were: `word` is below 64.
class SampleDraws {
 public:
  SampleDraws(uint64_t key, uint64_t step, uint64_t sample) : key_(key), step_(step), first_(sample * 128) {}
  float uniform(int word) const { return uniform_from(philox(key_, step_, first_ + uint64_t(word)).w[0]); }   // [0, 1)
  int below(int word, int n) const { return int(uniform(word) * float(n)); }                                  // 0 to n - 1
  float normal(int word) const {
    float values[4];
    normals_from(philox(key_, step_, first_ + 64 + uint64_t(word)), values);
    return values[0];
  }

 private:
  uint64_t key_, step_, first_;
};

/// One part of a policy, as "color" of "color,cutout".
inline bool has_part(const std::string& policy, const std::string& part) { return ("," + policy + ",").find("," + part + ",") != std::string::npos; }

/// Zhao et al.: color, then translation by up to an eighth, then cutout of a square of half the sides. One tap.
void draw_diffaugment(const std::string& policy, const SampleDraws& draws, const Alteration& into);
/// Karras et al., appendix B: blit and geom as one affine map, interpolated bilinearly, and color as one matrix; each part with `probability`. Four taps.
void draw_ada(const std::string& policy, double probability, const SampleDraws& draws, const Alteration& into);

}  // namespace weft::gan
