// Architectures: a generator and a discriminator that fit each other and the data.
#pragma once
#include <string>

#include "weft/nn/layers.h"

namespace weft::gan {

struct ModelOptions {
  int size = 32;        // pixels, square
  int channels = 1;
  int width = 64;       // channels of the widest-resolution layer; deeper ones are multiples
  int latent = 100;
};

struct Networks {
  std::shared_ptr<nn::Sequential> generator;       // (N,1,1,latent) -> (N,size,size,channels) in [-1, 1]
  std::shared_ptr<nn::Sequential> discriminator;   // (N,size,size,channels) -> (N) logits
};

struct Model {
  const char* name;
  const char* what;
  const char* paper;
  Networks (*build)(const Context&, const ModelOptions&);   // throws ConfigError for sizes that it cannot reach
};

const std::vector<Model>& models();
/// Throws ConfigError with a suggestion if there is none of that name.
const Model& find_model(const std::string& name);

/// DCGAN for 16, 32, 64 and 128 pixels (transposed-convolution stem) and for 28 (dense stem). The module names are those of
/// PyTorch's DCGAN example, so its state dicts load, and ours load there.
Networks dcgan(const Context& context, const ModelOptions& options);

}  // namespace weft::gan
