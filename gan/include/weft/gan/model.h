// Architectures: a generator and a discriminator that fit each other and the data.
#pragma once
#include <memory>
#include <string>

#include "weft/gan/dataset.h"
#include "weft/nn/layers.h"

namespace weft::gan {

struct ModelOptions {
  int size = 32;        // pixels of a side, of the shorter one where pictures are not square
  int channels = 1;
  int width = 64;       // channels of the widest-resolution layer; deeper ones are multiples
  int latent = 100;
  // of networks that translate pictures (translation.h)
  int blocks = 9;                        // residual blocks
  std::string norm = "instance";         // instance, batch
  std::string upsampling = "transposed"; // transposed; nearest and bilinear leave no checkerboard
  int noise = 0;                         // channels of noise beside the picture, of a ResNet generator
  double dropout = 0;
  int d_layers = 3, d_scales = 1;        // of a patch discriminator: halvings; pictures of how many sizes
  std::vector<std::string> styles = {};  // that one network holds, by name
  // of networks that make pictures of a class (Conditional, contest.h)
  std::string condition = "none";        // none, concat, projection; each model says which ways it knows
  std::vector<std::string> classes = {}; // by name; empty: none
  std::vector<std::string> combinations = {};   // of classes that are attributes, those that the data's pictures have, as in dress|red; empty: each alone
  /// What a picture can be asked to be.
  const std::vector<std::string>& conditions() const { return combinations.empty() ? classes : combinations; }
  // of networks that make pictures from noise, and of those that judge them
  std::string stem = "transposed";       // transposed, dense: how dcgan's generator begins
  int kernel = 4;                        // side of dcgan's filters: 4, 5
  std::string convolution = "full";      // full, separable: of dcgan's and convgan's inner layers
  std::string d_norm = "batch";          // batch, none, spectral, instance, layer: of a discriminator that has the choice
  int minibatch_std = 0;                 // of dcgan's, convgan's and stylegan2's discriminator: pictures that are compared; 0: none (nn::MinibatchStd)
  // of mlp, for points of the plane
  std::string form = "relu";             // relu, maxout
  int waves = 32;                        // directions in which the discriminator sees sines and cosines of x; 0: only x
  double grain = 1;                      // smallest scale of the data, in their deviations
  Units units = {};                      // the data's, so that a generator's file can speak in them
  // of pictures that are not square
  int across = 0, high = 0;              // pixels of the longer side, from left to right or from top to bottom; 0: size
  /// The picture's sides where the shorter one has `shorter` pixels.
  Size2 sides(int shorter) const { return {int(int64_t(high ? high : size) * shorter / size), int(int64_t(across ? across : size) * shorter / size)}; }
};

/// As text, for a network's file, and back. Throws FormatError, with `what` first, for what no network of this program has.
Metadata to_metadata(const ModelOptions& options);
ModelOptions model_options_from(const Metadata& metadata, const std::string& what);

struct Networks {
  nn::ModulePtr generator;               // (N,1,1,latent) -> (N,H,W,channels) in [-1, 1], or about there
  nn::ModulePtr discriminator;           // (N,H,W,channels) -> (N) logits
};

class Contest;
struct GanOptions;

/// What one step of a model is given, pictures (N,H,W,C).
enum class Feed {
  pictures,   // {x}, and (N, classes) one-hot where the model has classes
  labelled,   // {x, labels}: pictures and, (N, classes) one-hot, the class of each
  pairs,      // {a, b}: a picture and what it should become
  sides,      // {a, b}: pictures of two kinds that have nothing to do with each other
  styles,     // {a, b, which}: pictures, pictures of styles, and (1, styles) the one of this batch
};

struct Model {
  const char* name;
  const char* what;
  const char* paper;
  Networks (*build)(const Context&, const ModelOptions&);   // throws ConfigError for sizes that it cannot reach
  Feed feed = Feed::pictures;
  const char* defaults = "";             // settings that come with it where others are not asked for: "train.batch=1 loss.cycle=10"
  std::unique_ptr<Contest> (*contest)(const Context&, const Model&, const GanOptions&) = nullptr;   // nullptr: the plain game, gan.h
  const char* use = "weft generate RUN --out images.png --count 100";   // of a trained one
  bool rectangles = false;               // its pictures need not be square
  int rated_width = 0;                   // what the default learning rates are for; narrower networks take higher ones; 0: all widths the same. Of models without a width among `defaults`
};

/// What default learning rates are multiplied with for networks of that width, 1 to 5: Adam moves what a layer gives by the rate times its
/// width, and that should stay (Yang et al., arXiv:2203.03466).
double rate_for_width(const Model& model, int width);

/// The command that uses a run of that model, written for a shell already; for a model that is not known, that of the plain game.
std::string use_of(const std::string& model, const std::string& run);

/// The model's networks, ready to play. Throws ConfigError for settings that cannot go together, each with the nearest that can, and for
/// a setting that a model of models() has no use for; a model of one's own is taken to have use for all.
std::unique_ptr<Contest> make_contest(const Context& context, const Model& model, const GanOptions& options);

const std::vector<Model>& models();
/// Throws ConfigError with a suggestion if there is none of that name.
const Model& find_model(const std::string& name);
/// The one that a network's file names. Throws FormatError, with `what` first, if it names none; else as find_model.
const Model& model_from(const Metadata& metadata, const std::string& what);

/// One network that learns to describe the manner of pictures: weft/gan/feature_network.h loads it from the run.
std::unique_ptr<Contest> features_contest(const Context& context, const Model& model, const GanOptions& options);

/// DCGAN for 16, 32, 64 and 128 pixels (transposed-convolution stem, or dense) and for 28 (dense stem). The module names are those of
/// PyTorch's DCGAN example, so its state dicts load, and ours load there.
Networks dcgan(const Context& context, const ModelOptions& options);

/// A dense stem to 8x8, then resize and convolve with filters of 3x3; for 16, 32, 64 and 128 pixels.
Networks convgan(const Context& context, const ModelOptions& options);

/// SN-GAN's residual networks for 32, 64 and 128 pixels.
Networks resnet(const Context& context, const ModelOptions& options);

/// R3GAN's residual networks for 16, 32, 64, 128 and 256 pixels.
Networks r3gan(const Context& context, const ModelOptions& options);

/// StyleGAN2 for 16 to 1024 pixels; its generator is Styled (latent.h).
Networks stylegan2(const Context& context, const ModelOptions& options);

/// Fully connected networks for points of the plane.
Networks mlp(const Context& context, const ModelOptions& options);

/// A generator of pictures from pictures and a discriminator of patches: translation/restyle.cpp.
Networks restyle_networks(const Context& context, const ModelOptions& options);
std::unique_ptr<Contest> restyle(const Context& context, const Model& model, const GanOptions& options);

}  // namespace weft::gan
