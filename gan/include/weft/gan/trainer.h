// A training run: its settings, its loop, and what it leaves.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "weft/gan/gan.h"
#include "weft/gan/metric.h"
#include "weft/gan/two_sides.h"

namespace weft::gan {

/// Everything that `weft train` can be told, with its defaults; one field a setting (apps/settings.h lists them with help).
struct TrainSettings {
  std::string model = "dcgan", data, out, objective = "non-saturating";
  std::string root;                      // data.root: where a named data set's files are
  std::string styles;                    // a folder of styles, or one picture; empty: data's folder B
  int style_batch = 0;                   // crops of a style that a step is shown; 0: as many as of contents
  int style_size = 0;                    // their shorter side in pixels, before crops are taken; 0: as it is
  double held_out = 0;                   // share of the pictures that no step sees
  int64_t most = 0;                      // pictures that are used; 0: all
  int size = 32, channels = 0, width = 64, d_width = 0, latent = 100, batch = 64;   // channels 0: as the data has; d_width 0: as width
  int across = 0, high = 0;              // pixels of the longer side, where pictures are not square; 0: size
  int blocks = 9, noise = 0, d_layers = 3, d_scales = 1;    // of networks that translate pictures
  std::string norm = "instance", upsampling = "transposed";            // instance, batch; transposed, nearest, bilinear
  std::string stem = "transposed", convolution = "full", d_norm = "batch";   // of networks that make pictures from noise; d_norm: of their judges
  int kernel = 4, minibatch_std = 0;
  double dropout = 0;
  std::string form = "relu";             // of mlp: relu, maxout
  int waves = 32;
  double adversarial = 1, content = 0, style = 0, cycle = 0, identity = 0, l1 = 0, nce = 0, kl = 0, path_length = 0;   // weights of a loss's parts
  int pool = 0;
  std::string penalty;                   // "r1:10,r2": of weft/gan/penalty.h
  int penalty_every = 1;
  double penalty_end = 1, penalty_anneal = 1;    // weights go to this multiple, in this share of the steps
  int packing = 1, d_steps = 1;
  double mode_seeking = 0, label_smoothing = 0;
  std::string shown = "none", shown_policy;      // train.augment: none, diffaugment, ada; and which parts of it
  double shown_p = 0, shown_target = 0.6, shown_kimg = 500;
  int shown_interval = 4;
  std::string condition = "none";        // how a model is told of which class a picture is to be
  int64_t steps = 0;                     // 0 with minutes 0: 1600
  double minutes = 0;
  uint64_t seed = 0;
  std::string device = "auto";
  std::string precision = "fp32";        // fp32, 3xtf32, tf32, bf16, fp64
  std::string kernels = "own";           // own, vendor
  int threads = 0;
  std::string capture = "auto";          // auto (on cuda), on, off
  int memory_limit = 0;                  // MiB of tensors; 0: what the device has
  bool sync = false;                     // wait after each launch, so that an error is found where it happens
  std::string order = "d-first";         // d-first, g-first, simultaneous
  std::string optimizer = "adam";        // sgd, adam, adamw, rmsprop
  double learning_rate_g = 2e-4, learning_rate_d = 2e-4;
  double beta1 = 0.5, beta2 = 0.999, epsilon = 1e-8, decay = 0, clip_norm = 0;
  std::string schedule = "constant";     // constant, linear, cosine, exponential; over `steps`
  double final_g = 0, final_d = 0;       // share of the learning rates that is left at its end
  int64_t warm_up = 0;
  double hold = 0;                       // share of the steps before the schedule begins to fall
  std::string init = "dcgan";            // dcgan, xavier, kaiming, torch
  double ema = 0, ema_half_life = 0, ema_ramp = 0;   // decay an update, or instead of it a half-life in images; and a share of those so far
  std::string init_from, init_layers;    // a run or a safetensors file to begin from; which tensors of it
  std::string freeze;                    // patterns of parameters that stay as they are
  std::string watchdog = "stop";         // stop, skip, rollback: when a number is not finite
  std::string labels, fit = "crop", sampling = "shuffle";              // crop, fit, pad; shuffle, balanced, weighted
  double broken_share = 0.05;
  std::string augment = "none";          // what the next ones were before single ones were set; itself never read by train()
  bool flip = false;
  double crop = 0, rotation = 0, shift = 0, shear = 0, zoom = 0, jitter = 0;
  std::string fill = "nearest";          // nearest, reflect, constant
  int fill_value = 255;
  int64_t samples_every = 400, log_every = 50, checkpoint_every = 1000;
  int64_t keep_last = 3, keep_every = 0; // checkpoints that stay; keep_last 0: all
  std::string keep_best = "none";        // none, loss_g, loss_d, gap, held_out, metric_NAME: also the one with the best
  int64_t metrics_every = 0, metric_samples = 1000;
  int patience = 0;                      // evaluations of keep_best without a better one, after which the run ends; 0: it does not
  int samples = 64;
};

/// One setting of a run as it was resolved.
struct ConfigLine {
  std::string key, value;
  bool may_change = false;               // on resume: it does not enter the result
  std::string by_default = "";           // what a run has that was made before there was such a setting
};

/// Parts of a run that are on none of this program's lists: each stands in for what the setting of its name says, which is then only
/// written down. Give the same ones again to go on with the run. What is pointed to lives as long as train() runs.
struct OwnParts {
  const Model* model = nullptr;          // load_generator does not know it: build its network, and nn::load_state_dict the generator's file
  const Objective* objective = nullptr;
  const std::vector<WeightedPenalty>* penalties = nullptr;
  std::vector<Split> data;               // one, or a translation's two sides, of 1 or 3 channels or points, which sample sheets can show; empty: settings.data
};

struct TrainRequest {
  TrainSettings settings;
  /// What a resume compares with what the run was begun with, and `weft inspect` shows: a line a setting, under keys of the caller's choice. train()
  /// does not make them of `settings`: without lines nothing is kept and nothing compared, and a resume with other settings goes on in silence
  /// to what is no longer one run. So name at least what may differ from call to call: {"optimizer.learning_rate_g", "0.0002"}. The keys of
  /// `weft train` are those that stored_config() reads in a run of it.
  std::vector<ConfigLine> config;
  std::string config_toml;               // the same for people: config.toml
  std::string command;                   // the command line
  bool resume = false;                   // go on from the newest whole checkpoint in settings.out, or begin if there is none
  bool allow_config_change = false;
  std::vector<Metric> metrics = {};          // asked every settings.metrics_every steps; gauges "metric_NAME"
  OwnParts own = {};
};

/// The settings that a run was last started with (run.json, or its newest whole checkpoint); empty if there is no run.
std::vector<ConfigLine> stored_config(const std::string& run);

/// How a run's pictures are read. Throws ConfigError.
DatasetOptions dataset_options(const TrainSettings& settings, const std::function<void(const std::string&)>& note);

struct Progress {
  int64_t step, steps;                   // steps 0: as many as the minutes allow
  double seconds;                        // of the run, those before a resume included
  int batch;                             // images a step
  Gauges gauges;
};

struct TrainReport {
  std::string run, model, device;
  int64_t steps = 0, images = 0;
  double images_per_second = 0, seconds = 0;
  size_t peak_memory_bytes = 0;
  Gauges losses;
  std::string parameters_sha256;
  std::string sample_sheet;              // path of the last one
  double seconds_waited_for_data = 0;
  int64_t resumed_at = 0;                // step of the checkpoint that this part of the run began from
  int64_t skipped_steps = 0, rollbacks = 0;   // by the watchdog, in this part
  bool stopped = false;                  // by the caller, before its time
  bool out_of_patience = false;          // it ended since nothing got better any more
  std::map<std::string, uint64_t> launches;
};

enum class Wish { go_on, save, stop };   // save: a checkpoint now; stop: save and end

/// What the caller wants to hear and can decide, while it runs.
struct TrainCallbacks {
  std::function<void(const Progress&)> progress;         // every log_every steps, and twice a second
  std::function<void(const std::string&)> note;          // a sentence for a person
  std::function<Wish()> wish;                            // asked after every step
};

/// Trains into the run directory settings.out (README.md says what lies in it). Cut anywhere and resumed, it ends with the same bits as without.
/// Throws ConfigError for settings that make no sense, or a request.config that is not that of the run to resume, DataError for data that cannot be
/// used, IoError for the disk, Error if the watchdog stops the run.
TrainReport train(const TrainRequest& request, const TrainCallbacks& callbacks);

class Styled;

/// A trained generator, from a run or from a generator's file alone.
struct TrainedGenerator {
  nn::ModulePtr network;
  ModelOptions model;
  std::string checkpoint;                // its directory, or the file
  std::string sha256;                    // of the generator's file
  /// Images [0, count) of a seed, (count,H,W,C) in [-1, 1]. labels: (count, classes); empty: the classes in turn, if there are any
  Tensor sample(int64_t count, uint64_t seed, const Tensor& labels = {}) const;
  /// The same of latents (N,1,1,latent) that were drawn before.
  Tensor pictures(const Tensor& latents, const Tensor& labels = {}) const;
  /// Its styles, if it has them (latent.h); else null.
  Styled* styled() const;
};
/// The model is one of models(): a network of another is built by its own code, and takes its file by nn::load_state_dict.
/// @param run   RUN (its newest whole checkpoint), RUN@STEP, a checkpoint's folder, or FILE.safetensors, as Contest::save has it
/// @param note  hears of broken checkpoints that were passed over; may be empty
TrainedGenerator load_generator(const std::string& run, const Context& context, const std::function<void(const std::string&)>& note = {});

}  // namespace weft::gan
