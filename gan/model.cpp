#include "weft/gan/model.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "combinations.h"
#include "translation/translation_contest.h"
#include "weft/gan/classifier.h"
#include "weft/gan/gan.h"
#include "weft/gan/vaegan.h"

// Of all that translate pictures: the schedule that CycleGAN's paper set.
#define WEFT_TRANSLATION "model.size=256 train.batch=1 train.steps=20000 data.flip=true optimizer.schedule=linear optimizer.hold=0.5 " \
  "data.held_out=0.1 run.keep_best=held_out run.samples=16 "

namespace weft::gan {

const std::vector<Model>& models() {
  const char* const kGenerate = Model{}.use;
  constexpr const char* kTranslate = "weft translate RUN --input PICTURE --out translated.png";
  // docs/gan-results.md has what each is for, and what was tried beside it.
  constexpr const char* kMlp = "model.size=1 model.width=64 model.latent=2 model.init=kaiming model.ema_half_life=128000 model.ema_ramp=0.1 train.batch=256 train.steps=20000 train.objective=rpgan "
      "train.penalty=r1:0.3,r2:0.3 train.penalty_end=0.1 train.penalty_anneal=1 optimizer.learning_rate_g=0.002 optimizer.learning_rate_d=0.002 optimizer.beta1=0 "
      "optimizer.beta2=0.99 optimizer.schedule=exponential optimizer.hold=0.3 optimizer.final_g=0.01 optimizer.final_d=0.3 "
      "run.metric_samples=2500 run.metrics_every=2000 run.samples=2500 run.samples_every=1000 run.log_every=100 run.checkpoint_every=5000";
  static const std::vector<Model> all = {
      {"dcgan", "convolutional generator and discriminator with batch norm; 16, 28, 32, 64 or 128 pixels",
       "Radford et al., arXiv:1511.06434", dcgan, Feed::pictures, "", nullptr, kGenerate, true, 64},
      {"convgan", "dense stem to 8x8, then resize and 3x3 convolution with batch norm; 16, 32, 64 or 128 pixels",
       "Odena et al., doi:10.23915/distill.00003", convgan, Feed::pictures, "", nullptr, kGenerate, true},
      {"resnet", "SN-GAN: residual blocks, batch norm in the generator, spectral norm in the discriminator; 32, 64 or 128 pixels",
       "Miyato et al., arXiv:1802.05957; Miyato and Koyama, arXiv:1802.05637", resnet, Feed::pictures,
       "model.d_norm=spectral model.latent=128 model.init=xavier train.objective=hinge train.d_steps=5 optimizer.beta1=0 optimizer.beta2=0.9", nullptr, kGenerate, true},
      {"r3gan", "the modern baseline: residual blocks without norms, kept stable by relativistic pairing with R1 and R2; 16 to 256 pixels",
       "Huang et al., arXiv:2501.05441", r3gan, Feed::pictures, "model.d_norm=none model.latent=64 model.ema_half_life=500000 model.ema_ramp=0.05 train.objective=rpgan train.penalty=r1:1,r2:1 optimizer.beta1=0 optimizer.beta2=0.99",
       nullptr, kGenerate, true},
      {"stylegan2", "mapping network, modulated convolutions, noise, sum over sides; 16 to 1024 pixels",
       "Karras et al., arXiv:1912.04958", stylegan2, Feed::pictures,
       "model.d_norm=none model.minibatch_std=4 model.latent=512 model.ema_half_life=20000 model.ema_ramp=0.05 train.penalty=r1:1 train.penalty_every=16 loss.path_length=2 "
       "optimizer.learning_rate_g=0.002 optimizer.learning_rate_d=0.002 optimizer.beta1=0 optimizer.beta2=0.99", nullptr, kGenerate, true},
      {"vaegan", "encodes pictures and draws them again: an autoencoder whose decoder is a GAN's generator; 16, 28, 32, 64 or 128 pixels",
       "Larsen et al., arXiv:1512.09300", vaegan, Feed::pictures, "model.stem=dense optimizer.learning_rate_g=0.0005 optimizer.learning_rate_d=0.0005 loss.kl=1 loss.content=0.01", vaegan_contest,
       "weft project RUN --image PICTURE --out found.png"},
      {"mlp", "points of the plane: ring8, grid25, or a CSV of x,y a line; fully connected, and found every mode of its test mixtures", "Lin et al., arXiv:1712.04086; Huang et al., arXiv:2501.05441",
       mlp, Feed::pictures, kMlp, nullptr, "weft generate RUN --out made.csv --count 2500"},
      {"restyle", "puts pictures into the manner of a folder of styles, any picture at once; --data CONTENTS --styles STYLES",
       "Johnson et al., arXiv:1603.08155; Li and Wand, arXiv:1604.04382; Elnekave and Weiss, arXiv:2203.11862", restyle_networks, Feed::styles,
       "model.size=64 model.width=24 model.blocks=4 model.upsampling=nearest model.d_layers=2 model.ema=0.99 train.batch=8 train.style_batch=32 train.steps=2000 train.objective=lsgan "
       "optimizer.learning_rate_g=0.0005 optimizer.schedule=linear optimizer.hold=0.3 loss.content=1 loss.style=20 loss.adversarial=0.15 data.flip=true "
       "data.held_out=0.1 run.keep_best=held_out run.samples=48", restyle, kTranslate},
      {"cyclegan", "pictures of side A as side B and back, from unpaired folders; ResNet generators, 70x70 patch discriminators",
       "Zhu et al., arXiv:1703.10593", resnet_translation, Feed::sides, WEFT_TRANSLATION "train.objective=lsgan train.pool=50 loss.cycle=10 loss.identity=5", play_cyclegan, kTranslate},
      {"cut", "side A as side B, from unpaired folders; one generator, and patches that stay recognisable (PatchNCE)",
       "Park et al., arXiv:2007.15651", resnet_translation, Feed::sides, WEFT_TRANSLATION "train.objective=lsgan model.upsampling=bilinear model.latent=256 model.init=xavier loss.nce=1 loss.identity=1", play_cut, kTranslate},
      {"fastcut", "cut without its identity part, with flipped pictures instead", "Park et al., arXiv:2007.15651", resnet_translation, Feed::sides,
       WEFT_TRANSLATION "train.objective=lsgan model.upsampling=bilinear model.latent=256 model.init=xavier loss.nce=10", play_fastcut, kTranslate},
      {"unit", "side A as side B through a latent space that both share: two VAEs and two discriminators", "Liu et al., arXiv:1703.00848",
       unit_translation, Feed::sides, WEFT_TRANSLATION "train.objective=lsgan model.blocks=3 model.upsampling=nearest model.init=kaiming loss.adversarial=10 loss.kl=0.1 loss.l1=100 loss.cycle=100", play_unit, kTranslate},
      {"pix2pix", "a picture as its pair; U-Net, patch discriminator that sees both", "Isola et al., arXiv:1611.07004", unet_translation, Feed::pairs,
       WEFT_TRANSLATION "model.norm=batch model.dropout=0.5 loss.l1=100", play_pix2pix, kTranslate},
      {"features", "a feature network for `transfer --method gram`, learned from pictures without labels; 32 pixels and more",
       "Chen et al., arXiv:2002.05709", nullptr, Feed::pictures,
       "model.size=96 model.channels=3 model.width=16 train.batch=16 train.steps=700 optimizer.learning_rate_g=0.001 optimizer.beta1=0.9 "
       "data.flip=true data.zoom=0.3 data.fill=reflect data.held_out=0.1", features_contest,
       "weft transfer --method gram --features RUN --content PICTURE --style PICTURE --out dressed.png"},
      {"classifier", "tells what a picture shows, learned from pictures with classes; what `weft evaluate` sees by; 8 pixels and more",
       "Ioffe and Szegedy, arXiv:1502.03167; Ravuri and Vinyals, arXiv:1905.10887", nullptr, Feed::labelled,
       "model.width=32 model.init=kaiming model.dropout=0.25 train.batch=64 train.steps=7500 optimizer.learning_rate_g=0.001 optimizer.beta1=0.9 optimizer.schedule=cosine "
       "data.held_out=0.05 run.samples=2000 run.samples_every=1500 run.checkpoint_every=1500 run.keep_best=held_out", classifier_contest,
       "weft evaluate OTHER --data SRC --features RUN"},
  };
  return all;
}

double rate_for_width(const Model& model, int width) { return model.rated_width ? std::clamp(double(model.rated_width) / width, 1.0, 5.0) : 1; }

namespace {

struct Size {
  const char* name;
  int ModelOptions::*value;
  int most;
};
constexpr Size kSizes[] = {{"size", &ModelOptions::size, 4096}, {"channels", &ModelOptions::channels, 64}, {"width", &ModelOptions::width, 4096},
                           {"latent", &ModelOptions::latent, 65536}, {"blocks", &ModelOptions::blocks, 256},
                           {"kernel", &ModelOptions::kernel, 64}, {"minibatch_std", &ModelOptions::minibatch_std, 65536}, {"waves", &ModelOptions::waves, 65536},
                           {"noise", &ModelOptions::noise, 64}, {"across", &ModelOptions::across, 4096}, {"high", &ModelOptions::high, 4096}};
constexpr std::pair<const char*, std::string ModelOptions::*> kKinds[] = {
    {"norm", &ModelOptions::norm}, {"upsampling", &ModelOptions::upsampling}, {"stem", &ModelOptions::stem}, {"convolution", &ModelOptions::convolution},
    {"d_norm", &ModelOptions::d_norm}, {"condition", &ModelOptions::condition}, {"form", &ModelOptions::form}};
constexpr std::pair<const char*, std::vector<std::string> ModelOptions::*> kLists[] = {{"styles", &ModelOptions::styles}, {"classes", &ModelOptions::classes}, {"combinations", &ModelOptions::combinations}};

std::string text_of(const std::vector<double>& numbers) {
  std::string text;
  char one[32];
  for (const double v : numbers) text.append(one, std::to_chars(one, one + sizeof one, v).ptr) += ' ';
  return text;
}

/// Numbers with a blank after each. Throws FormatError, with `what` first, for anything else, and unless there are `count` or none.
std::vector<double> numbers_of(const std::string& text, size_t count, const std::string& what) {
  std::vector<double> numbers;
  for (const char *at = text.data(), *end = at + text.size(); at != end;) {
    double value = NAN;
    const auto [read, error] = std::from_chars(at, end, value);
    if (error != std::errc() || read == end || *read != ' ' || !std::isfinite(value) || numbers.size() == count) throw FormatError(what + " = '" + text + "' is no list of numbers");
    numbers.push_back(value), at = read + 1;
  }
  if (!numbers.empty() && numbers.size() != count) throw FormatError(what + " = '" + text + "': " + std::to_string(count) + " numbers were expected");
  return numbers;
}

template <class T>
T named(const char* what, const std::string& name, std::initializer_list<std::pair<const char*, T>> known) {
  std::string list;
  for (const auto& [each, value] : known) {
    if (name == each) return value;
    list += (list.empty() ? "" : ", ") + std::string(each);
  }
  throw ConfigError(std::string(what) + " '" + name + "' is none of " + list);
}

}  // namespace

Norm norm_of(const std::string& name) { return named<Norm>("norm", name, {{"instance", Norm::instance}, {"batch", Norm::batch}}); }

Upsampling upsampling_of(const std::string& name) {
  return named<Upsampling>("upsampling", name, {{"transposed", Upsampling::transposed}, {"nearest", Upsampling::nearest}, {"bilinear", Upsampling::bilinear}});
}

Metadata to_metadata(const ModelOptions& o) {
  Metadata m;
  for (const Size& s : kSizes) m[s.name] = std::to_string(o.*s.value);
  for (const auto& [name, value] : kKinds) m[name] = o.*value;
  for (const auto& [name, values] : kLists)
    for (const std::string& value : o.*values) m[name] += value + "\n";
  if (!o.units.one.empty()) m["grain"] = text_of({o.grain}), m["zero"] = text_of(o.units.zero), m["one"] = text_of(o.units.one);
  return m;
}

ModelOptions model_options_from(const Metadata& metadata, const std::string& what) {
  ModelOptions o;
  for (const Size& s : kSizes) {
    const auto entry = metadata.find(s.name);
    if (entry == metadata.end()) {
      if (&s - kSizes < 4) throw FormatError(what + ": its metadata lacks '" + s.name + "'; was it written by `weft train`?");
      continue;
    }
    int value = -1;
    const char* end = entry->second.data() + entry->second.size();
    const auto [read, error] = std::from_chars(entry->second.data(), end, value);
    const bool may_be_none = s.value == &ModelOptions::blocks || s.value == &ModelOptions::minibatch_std || s.value == &ModelOptions::waves || s.value == &ModelOptions::noise ||
                             s.value == &ModelOptions::across || s.value == &ModelOptions::high;
    if (error != std::errc() || read != end || value < (may_be_none ? 0 : 1) || value > s.most)
      throw FormatError(what + ": " + s.name + " = '" + entry->second + "' is beyond any network of this program");
    o.*s.value = value;
  }
  for (const auto& [name, value] : kKinds)
    if (const auto entry = metadata.find(name); entry != metadata.end()) o.*value = entry->second;
  for (const auto& [name, values] : kLists)
    if (const auto entry = metadata.find(name); entry != metadata.end()) o.*values = parts_of(entry->second, '\n');
  const auto numbers = [&](const char* name, size_t count) { const auto entry = metadata.find(name); return entry == metadata.end() ? std::vector<double>() : numbers_of(entry->second, count, what + ": " + name); };
  if (const std::vector<double> grain = numbers("grain", 1); !grain.empty()) o.grain = grain[0];
  o.units = {numbers("zero", 2), numbers("one", 2)};
  return o;
}

std::unique_ptr<Contest> make_contest(const Context& context, const Model& model, const GanOptions& options) {
  expect_known(model, options);
  if (!model.contest) return std::make_unique<Gan>(context, model, options);
  return model.contest(context, model, options);
}

std::string use_of(const std::string& model, const std::string& run) {
  std::string use = Model{}.use;
  for (const Model& m : models())
    if (model == m.name) use = m.use;
  return use.replace(use.find("RUN"), 3, run);
}

const Model& find_model(const std::string& name) { return row_named(models(), name, "model", "models"); }

const Model& model_from(const Metadata& metadata, const std::string& what) {
  const auto entry = metadata.find("model");
  if (entry == metadata.end()) throw FormatError(what + ": its metadata lacks 'model'; was it written by `weft train`?");
  return find_model(entry->second);
}

}  // namespace weft::gan
