#include "settings.h"

namespace weft::apps {
namespace {

constexpr double max_count = 1e12;
constexpr double below_one = 1 - 1e-12;

}  // namespace

const std::vector<Setting>& settings_list() {
  using T = TrainSettings;
  static const std::vector<Setting> list = {
      {"model.name", "MODEL", "", &T::model, "architecture; see `weft list models`", 0, 0, ""},
      {"model.size", "--size", "PX", &T::size, "side of the images in pixels, or width x height: 48x32", 1, 4096},
      {"model.across", "", "", &T::across, "pixels from left to right of images that are wider than high; 0: model.size", 0, 4096},
      {"model.high", "", "", &T::high, "pixels from top to bottom of images that are higher than wide; 0: model.size", 0, 4096},
      {"model.channels", "", "", &T::channels, "1: grey, 3: colour, 0: as the data has", 0, 3},
      {"model.width", "--width", "N", &T::width, "channels of the layer nearest the image", 1, 4096},
      {"model.d_width", "", "", &T::d_width, "the same of the discriminator, of models that make pictures from noise; 0: model.width", 0, 4096},
      {"model.latent", "", "", &T::latent, "length of the noise vector", 1, 65536},
      {"model.blocks", "", "", &T::blocks, "residual blocks of a network that translates pictures", 0, 64},
      {"model.noise", "", "", &T::noise, "channels of noise that restyle's, cyclegan's and cut's generator is given beside the picture; 0: none", 0, 64},
      {"model.norm", "", "", &T::norm, "of its layers", 0, 0, "instance|batch"},
      {"model.upsampling", "", "", &T::upsampling, "how it doubles sides; transposed convolutions may leave a checkerboard", 0, 0, "transposed|nearest|bilinear"},
      {"model.stem", "", "", &T::stem, "how dcgan's generator gets from noise to its first picture", 0, 0, "transposed|dense"},
      {"model.kernel", "", "", &T::kernel, "side of dcgan's filters; 3x3 and 5x5 where it resizes first", 4, 5},
      {"model.convolution", "", "", &T::convolution, "of dcgan's and convgan's inner layers; separable: depthwise, then 1x1, a fraction of the work", 0, 0, "full|separable"},
      {"model.d_norm", "", "", &T::d_norm, "in a discriminator that has the choice; with batch no penalty on a picture's own gradient", 0, 0, "batch|none|spectral|instance|layer"},
      {"model.minibatch_std", "", "", &T::minibatch_std, "the discriminators of dcgan, convgan and stylegan2 see how far so many pictures lie apart; 0: they do not", 0, 65536},
      {"model.dropout", "", "", &T::dropout, "share of activations that it drops, where it drops any", 0, 0.9},
      {"model.d_layers", "", "", &T::d_layers, "halvings of a patch discriminator: 3 sees 70x70 pixels, 2 sees 34x34", 1, 6},
      {"model.d_scales", "", "", &T::d_scales, "patch discriminators, each on half the sides of the one before", 1, 4},
      {"model.form", "", "", &T::form, "of mlp: relu, or maxout, as in the protocol of PacGAN", 0, 0, "relu|maxout"},
      {"model.waves", "", "", &T::waves, "mlp, relu: directions in which the discriminator sees sines and cosines of a point; 0: none", 0, 4096},
      {"model.init", "", "", &T::init, "how weights begin", 0, 0, "dcgan|xavier|kaiming|torch"},
      {"model.condition", "", "", &T::condition, "how networks are told of which class a picture is to be: concat (dcgan, convgan), projection (resnet, r3gan, stylegan2)", 0, 0, "none|concat|projection"},
      {"model.ema", "", "", &T::ema, "decay of the generator's moving average, a step of it; 0: none", 0, below_one},
      {"model.ema_half_life", "", "", &T::ema_half_life, "the same by the images after which half of it is new; 0: by model.ema", 0, max_count},
      {"model.ema_ramp", "", "", &T::ema_ramp, "while a run is young, a half-life of this share of the images so far; 0: none", 0, 1},
      {"init.from", "--init-from", "RUN|FILE", &T::init_from, "begin from the networks of a run, or from a safetensors file"},
      {"init.layers", "", "", &T::init_layers, "only these tensors of it, as in generator.main.3.*; or: fitting"},
      {"data.source", "--data", "SRC", &T::data, "a name of `weft list data`, or a folder of images"},
      {"data.styles", "--styles", "DIR|FILE", &T::styles, "restyle: pictures to take styles from, a folder a style, or one picture; else B beside A in --data"},
      {"data.style_size", "", "", &T::style_size, "shorter side that pictures of styles are brought to, in pixels; 0: as they are", 0, 4096},
      {"data.held_out", "", "", &T::held_out, "share of the pictures that no step sees, to judge by", 0, 0.9},
      {"data.most", "", "", &T::most, "use this many pictures; 0: all", 0, max_count},
      {"data.root", "", "", &T::root, "where a named data set's files are, if not in their usual place"},
      {"data.labels", "", "", &T::labels, "a CSV with the columns file,label[,weight]; empty: labels.csv in the folder, if it is there"},
      {"data.fit", "", "", &T::fit, "how a picture of another shape gets this one: its middle, all of it stretched, or all of it between borders", 0, 0,
       "crop|fit|pad"},
      {"data.broken_share", "", "", &T::broken_share, "of a folder's pictures that may be broken, and three always; the run ends beyond it", 0, 1},
      {"data.sampling", "", "", &T::sampling, "each image once, each class equally often, or by the weights of labels.csv", 0, 0,
       "shuffle|balanced|weighted"},
      {"data.augment", "--augment", "NAME", &T::augment, "alter the pictures at random: none, or little-data, which turns, moves and flips them",
       0, 0, "none|little-data"},
      {"data.flip", "", "", &T::flip, "mirror every other image, at random"},
      {"data.crop", "", "", &T::crop, "largest share of the side that a window leaves out", 0, 0.9},
      {"data.rotation", "", "", &T::rotation, "farthest turn, in degrees", 0, 180},
      {"data.shift", "", "", &T::shift, "farthest shift, as a share of the side", 0, 1},
      {"data.shear", "", "", &T::shear, "steepest shear, as a slope", 0, 1},
      {"data.zoom", "", "", &T::zoom, "width and height change by this share at most", 0, 0.9},
      {"data.jitter", "", "", &T::jitter, "brightness, contrast, saturation and hue change by this share at most", 0, 1},
      {"data.fill", "", "", &T::fill, "what is seen beyond the edge of a moved image", 0, 0, "nearest|reflect|constant"},
      {"data.fill_value", "", "", &T::fill_value, "of fill = constant and of fit = pad: 0 black, 255 white", 0, 255},
      {"train.objective", "--objective", "NAME", &T::objective, "what the networks play for; see `weft list objectives`"},
      {"train.penalty", "--penalty", "P[:W]", &T::penalty, "bounds the discriminator; may come several times; see `weft list penalties`", 0, 0, "", false, true},
      {"train.penalty_every", "", "", &T::penalty_every, "steps from one penalised to the next, whose weight counts for all of them", 1, 1000000},
      {"train.penalty_end", "", "", &T::penalty_end, "penalties' weights go log-linearly to this multiple", 1e-12, 1e12},
      {"train.penalty_anneal", "", "", &T::penalty_anneal, "in this share of the steps", 0, 1},
      {"train.packing", "", "", &T::packing, "pictures that the discriminator judges together (PacGAN); a divisor of the batch", 1, 64},
      {"train.mode_seeking", "", "", &T::mode_seeking, "weight of different latents giving like pictures (MSGAN)", 0, 1e6},
      {"train.label_smoothing", "", "", &T::label_smoothing, "real pictures are labelled so much below 1", 0, 0.5},
      {"train.augment", "", "", &T::shown, "alters all that the discriminator is shown, real and generated pictures alike, for few data; ada: as often as it needs", 0, 0, "none|diffaugment|ada"},
      {"train.augment_policy", "", "", &T::shown_policy, "parts of diffaugment: color,translation,cutout; of ada: blit,geom,color; empty: all"},
      {"train.augment_p", "", "", &T::shown_p, "ada: the share of alterations that are made, to begin with", 0, 1},
      {"train.augment_target", "", "", &T::shown_target, "ada: how sure the discriminator is to be of real pictures, E[sign D(real)]", -1, 1},
      {"train.augment_interval", "", "", &T::shown_interval, "ada: steps from one change of the share to the next", 1, 1000000},
      {"train.augment_kimg", "", "", &T::shown_kimg, "ada: thousands of pictures in which the share can go from 0 to 1; 0: it stays", 0, 1e9},
      {"train.d_steps", "", "", &T::d_steps, "steps of the discriminator for each of the generator; --steps counts the discriminator's", 1, 1000},
      {"train.pool", "", "", &T::pool, "generated pictures that a discriminator is shown again; 0: none", 0, 4096},
      {"train.order", "--order", "ORDER", &T::order, "who moves first: d-first, g-first or simultaneous", 0, 0,
       "d-first|g-first|simultaneous"},
      {"train.batch", "--batch", "N", &T::batch, "images a step", 1, 65536},
      {"train.style_batch", "", "", &T::style_batch, "restyle: crops of a style that a step is shown, at least the batch; 0: as many", 0, 65536},
      {"train.steps", "--steps", "N", &T::steps, "steps to train; 0: 1600, or until the minutes are over", 0, max_count, "", true},
      {"train.minutes", "--minutes", "M", &T::minutes, "minutes to train; 0: until the steps are done", 0, 525600, "", true},
      {"train.seed", "--seed", "N", &T::seed, "the same seed gives the same run", 0, 9007199254740992.0},
      {"train.freeze", "", "", &T::freeze, "parameters that stay as they are, as in discriminator.main.0.*"},
      {"train.patience", "", "", &T::patience, "evaluations without a better run.keep_best, after which the run ends; 0: it does not", 0, 1000000, "", true},
      {"train.watchdog", "", "", &T::watchdog, "when a number is not finite", 0, 0, "stop|skip|rollback", true},
      {"loss.adversarial", "", "", &T::adversarial, "weight of the discriminator's opinion; translations count lsgan's squares whole, as their code bases do", 0, 1e6},
      {"loss.content", "", "", &T::content, "weight of what is to stay of a picture (lambda_c)", 0, 1e6},
      {"loss.style", "", "", &T::style, "weight of how a style's patches look (lambda_s)", 0, 1e6},
      {"loss.cycle", "", "", &T::cycle, "weight of there and back again being where one was", 0, 1e6},
      {"loss.identity", "", "", &T::identity, "weight of leaving alone what is already of the other side", 0, 1e6},
      {"loss.l1", "", "", &T::l1, "weight of the distance to the target, pixel by pixel", 0, 1e6},
      {"loss.nce", "", "", &T::nce, "weight of patches staying like those at their own place (PatchNCE)", 0, 1e6},
      {"loss.kl", "", "", &T::kl, "weight of the latent's distance from a normal distribution", 0, 1e6},
      {"loss.path_length", "", "", &T::path_length, "stylegan2: weight of pictures following their styles evenly, in one step of train.penalty_every, counting for all of them", 0, 1e6},
      {"optimizer.name", "", "", &T::optimizer, "of both networks", 0, 0, "sgd|adam|adamw|rmsprop"},
      {"optimizer.learning_rate_g", "", "", &T::learning_rate_g, "the generator's; dcgan's default is for a width of 64, and higher for narrower ones", 0, 100},
      {"optimizer.learning_rate_d", "", "", &T::learning_rate_d, "the discriminator's; likewise", 0, 100},
      {"optimizer.beta1", "", "", &T::beta1, "momentum", 0, below_one},
      {"optimizer.beta2", "", "", &T::beta2, "memory of the squared gradient", 0, below_one},
      {"optimizer.epsilon", "", "", &T::epsilon, "keeps a division by a vanishing gradient finite", 0, 1},
      {"optimizer.decay", "", "", &T::decay, "weight decay", 0, 1},
      {"optimizer.clip_norm", "", "", &T::clip_norm, "longest gradient allowed; 0: any", 0, 1e9},
      {"optimizer.schedule", "", "", &T::schedule, "learning rates over the run", 0, 0, "constant|linear|cosine|exponential"},
      {"optimizer.final_g", "", "", &T::final_g, "share of the generator's learning rate that is left at the schedule's end", 0, 1},
      {"optimizer.final_d", "", "", &T::final_d, "share of the discriminator's", 0, 1},
      {"optimizer.hold", "", "", &T::hold, "share of the steps before the schedule begins to fall", 0, below_one},
      {"optimizer.warm_up", "", "", &T::warm_up, "steps in which learning rates rise from 0", 0, max_count},
      {"run.out", "--out", "RUN", &T::out, "folder that the run is written to; must hold no other run", 0, 0, "", true},
      {"run.device", "--device", "NAME", &T::device, "auto, or one of `weft info`", 0, 0, "", true},
      {"run.precision", "--precision", "P", &T::precision, "tensor cores on cuda and sim: 3xtf32, tf32, bf16. fp64: slow; cpu only", 0, 0, "fp32|3xtf32|tf32|bf16|fp64"},
      {"run.kernels", "--kernels", "WHOSE", &T::kernels, "own; or vendor: cuDNN's and cuBLAS's, on cuda", 0, 0, "own|vendor"},
      {"run.capture", "", "", &T::capture, "record a step once and let the device repeat it; auto: on cuda. The result is the same", 0, 0, "auto|on|off", true},
      {"run.memory_limit", "", "", &T::memory_limit, "MiB that tensors may take; 0: what the device has", 0, 1 << 30, "", true},
      {"run.sync", "", "", &T::sync, "wait after each kernel, so that an error of the device is found where it happens; slow", 0, 0, "", true},
      {"run.threads", "--threads", "N", &T::threads, "CPU threads; 0: one a core", 0, 4096, "", true},
      {"run.samples", "", "", &T::samples, "images on a sample sheet", 1, 4096, "", true},
      {"run.samples_every", "--samples-every", "K", &T::samples_every, "steps between sample sheets; 0: only at the end", 0, max_count, "", true},
      {"run.log_every", "", "", &T::log_every, "steps between lines of log.jsonl", 1, max_count, "", true},
      {"run.checkpoint_every", "--checkpoint-every", "K", &T::checkpoint_every, "steps between checkpoints; 0: only at the end", 0, max_count, "", true},
      {"run.keep_last", "", "", &T::keep_last, "how many checkpoints stay; 0: all", 0, max_count, "", true},
      {"run.keep_every", "", "", &T::keep_every, "those of every so many steps stay as well; 0: none", 0, max_count, "", true},
      {"run.keep_best", "", "", &T::keep_best, "and the best by: loss_g, loss_d; gap, |D(real) - D(fake)|; held_out, what the model measures on pictures that no step sees; metric_NAME", 0, 0, "", true},
      {"run.metrics_every", "--metrics-every", "K", &T::metrics_every, "steps between evaluations by metrics; 0: none", 0, max_count, "", true},
      {"run.metric_samples", "", "", &T::metric_samples, "samples that they look at; of pictures 200 at most", 2, 1000000, "", true},
  };
  return list;
}

void apply_preset(TrainSettings& settings) {
  if (settings.augment == "little-data")         // of Chollet, "Building powerful image classification models using very little data", 2016
    for (const char* pair : {"data.rotation=40", "data.shift=0.2", "data.shear=0.2", "data.zoom=0.2", "data.flip=true", "data.fill=nearest"})
      assign_pair(settings, pair);
}

const Setting& find_setting(const std::string& key, const std::string& where) {
  std::vector<std::string> known;
  for (const Setting& s : settings_list()) {
    if (key == s.key) return s;
    known.push_back(s.key);
  }
  std::string hint = gan::suggestion(key, known);
  for (const Setting& s : settings_list())                          // "batch" for "train.batch"
    if (hint.empty() && std::string(s.key).substr(std::string(s.key).find('.') + 1) == key) hint = std::string("; did you mean '") + s.key + "'?";
  throw ConfigError(where + "there is no setting '" + key + "'" + (hint.empty() ? "; `weft train --print-config` shows them all" : hint));
}

}  // namespace weft::apps
