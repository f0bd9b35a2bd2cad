// Digits that weft draws, three of them on top of each other as a picture's three channels: data whose 1,000 modes can be counted.
// The protocol is that of stacked MNIST with drawn digits in place of written ones, which can be told apart without an error, so
// what a generator misses is not hidden by a classifier's mistakes.
//   Metz et al., arXiv:1611.02163; Srivastava et al., "VEEGAN", arXiv:1705.07761; Lin et al., "PacGAN", arXiv:1712.04086
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "weft/gan/image.h"
#include "weft/tensor/tensor.h"

namespace weft::gan {

constexpr const char* kStackedDigits = "stacked-digits";         // of kNamedData
constexpr int kDigits = 10, kStacks = kDigits * kDigits * kDigits;

/// White on black, in strokes, (side, side): turned by 10 degrees at most, sheared by 8, 0.9 to 1.1 times as high and as wide, moved by 5 % of the
/// side, its pen thicker or thinner. A function of its arguments alone; no variant is another's.
std::vector<uint8_t> draw_digit(int digit, uint64_t variant, int side);

/// Tells digits by the nearest of templates, pixels by pixels of unit length; the templates are further variants, which no data set shows.
class DigitReader {
 public:
  DigitReader(const Context& context, int side);
  /// What a picture's channels show. `clear`: as near to a template as 99.9 % of drawn digits are, in each channel
  struct Reading { int number = 0; bool clear = false; };        // number: hundreds from the first channel, tens, ones; 0 to 999
  /// @param pictures  side x side, of three channels. Throws ShapeError for others
  std::vector<Reading> read(const std::vector<Image>& pictures) const;

 private:
  int side_;
  Tensor templates_;                                             // (templates, side * side)
  float farthest_ = 0;                                           // squared distance of a clear digit
};

/// Of 1,000 modes that are equally likely. A mode is there if a single sample shows it, clearly or not, as published tables count.
struct StackScore {
  int64_t samples = 0;
  int modes = 0, clear_modes = 0;                                // clear_modes: with a clear sample
  double clear = 0;                                              // share of the samples
  std::array<double, kDigits> digits = {};                        // the share of each digit, of all channels
  double kl = 0, kl_floor = 0;                                   // of the samples' shares from uniform, in nats; and what a perfect sampler has of it on average, to first order
};
StackScore score(const std::vector<DigitReader::Reading>& readings);

}  // namespace weft::gan
