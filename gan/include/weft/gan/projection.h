// The latent of a given picture: which noise, or which styles, a generator would have made it from.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "weft/gan/describer.h"
#include "weft/gan/trainer.h"

namespace weft::gan {

/// What is searched: z, the noise; w, one style for all layers; w+, a style for each. Of generators without styles only z.
enum class LatentSpace { z, w, w_plus };
/// Throws ConfigError with a suggestion for any other name.
LatentSpace latent_space_of(const std::string& name);
const char* name_of(LatentSpace space);

/// A latent on its own: (N,1,1,L) of z, (N,W) of w, (N,layers,W) of w+.
struct Latent {
  LatentSpace space = LatentSpace::z;
  Tensor values;
  std::string of_class = "";             // of a generator with classes: which one it goes with
};
/// Pictures (N,H,W,C) of latents. Throws ShapeError, with what the generator takes, where they are none of its own.
/// @param labels  (N, classes), for z of a generator with classes
Tensor pictures_of(const TrainedGenerator& generator, const Latent& latent, const Tensor& labels = {});

/// A safetensors file of one tensor, "latent", with the space in its metadata; and back. Throws FormatError, DataError, IoError.
void write_latent(const std::filesystem::path& file, const Latent& latent, const Metadata& about);
Latent read_latent(const std::filesystem::path& file, const Context& context);

/// How far each picture is from `target` (1,H,W,C), (N): mean squares of differences, averaged over the picture and its halves down to 4
/// pixels; with a describer, and as much again of what it sees.
Tensor picture_distance(const Tensor& pictures, const Tensor& target, const Describer* describer = nullptr);

struct ProjectOptions {
  LatentSpace space = LatentSpace::z;
  int steps = 300;
  int restarts = 4;                      // searches from different beginnings, side by side
  double rate = 0.1;                     // of Adam, at its highest
  uint64_t seed = 0;
  const Describer* describer = nullptr;  // also compare what it sees
  Latent begin = {};                     // where the first search begins, as an encoder says; empty: in the middle
  Tensor labels = {};                    // (restarts, classes), of a generator with classes
  std::function<void(int step, double distance)> progress = {};
};

struct Projection {
  Latent latent;                         // of the search that came nearest; one
  int best = 0;                          // which
  std::vector<double> distances;         // of all searches, at their ends; picture_distance
  std::vector<double> begun;             // and at their beginnings
};

/// Adam on picture_distance, from several beginnings at once; learning rate and noise as in Karras et al., arXiv:1912.04958, appendix D: the rate rises in
/// the first 5 % of the steps and falls along a cosine in the last quarter, latents are jittered, less and less, in the first three, here by a
/// share of one number's deviation, there of the whole vector's, which brings real pictures no nearer. Noise
/// pictures inside of a generator stay as they are in its file. z is kept about as long as draws are.
Projection project(const TrainedGenerator& generator, const Tensor& target, const ProjectOptions& options);

}  // namespace weft::gan
