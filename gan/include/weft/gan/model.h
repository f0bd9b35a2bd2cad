// Architectures: a generator and a discriminator that fit each other and the data.
#pragma once
#include <memory>
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
  nn::ModulePtr generator;               // (N,1,1,latent) -> (N,size,size,channels) in [-1, 1]
  nn::ModulePtr discriminator;           // (N,size,size,channels) -> (N) logits
};

class Contest;
struct GanOptions;

/// What one step of a model is given.
enum class Feed {
  pictures,   // {x}: (N,H,W,C)
};

struct Model {
  const char* name;
  const char* what;
  const char* paper;
  Networks (*build)(const Context&, const ModelOptions&);   // throws ConfigError for sizes that it cannot reach
  Feed feed = Feed::pictures;
  std::unique_ptr<Contest> (*contest)(const Context&, const Model&, const GanOptions&) = nullptr;   // nullptr: the plain game, gan.h
};

/// The model's networks, ready to play.
std::unique_ptr<Contest> make_contest(const Context& context, const Model& model, const GanOptions& options);

const std::vector<Model>& models();
/// Throws ConfigError with a suggestion if there is none of that name.
const Model& find_model(const std::string& name);

/// DCGAN for 16, 32, 64 and 128 pixels (transposed-convolution stem) and for 28 (dense stem). The module names are those of
/// PyTorch's DCGAN example, so its state dicts load, and ours load there.
Networks dcgan(const Context& context, const ModelOptions& options);

}  // namespace weft::gan
