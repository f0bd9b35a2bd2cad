// One training step of a GAN, and the loop around it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "weft/gan/model.h"
#include "weft/gan/objective.h"
#include "weft/nn/checkpoint.h"
#include "weft/nn/optimizer.h"
#include "weft/tensor/capture.h"

namespace weft::gan {

/// Who moves first in a step. simultaneous: both gradients are taken before either network changes.
enum class UpdateOrder { discriminator_first, generator_first, simultaneous };

/// Whether a step is recorded and repeated by the device (tensor/capture.h). automatic: on cuda. The bits are the same.
enum class CaptureSteps { automatic, on, off };

/// Values to begin with instead of drawn ones.
struct InitFrom {
  nn::Checkpoint checkpoint;             // files "generator" and/or "discriminator"; none: nothing is taken
  std::string what;                      // where they come from, for messages
  std::string layers;                    // patterns as in freeze: only these; empty: all, and all must fit; "fitting": what fits
  std::function<void(const std::string&)> note;   // hears what was left out
};

struct GanOptions {
  ModelOptions model;
  const Objective* objective = nullptr;
  UpdateOrder order = UpdateOrder::discriminator_first;
  nn::OptimizerOptions generator, discriminator;
  nn::Init init = nn::Init::dcgan;
  InitFrom init_from;
  std::string freeze;   // "generator.main.0.*,discriminator.*": patterns of parameters that stay as they are
  double ema = 0;       // decay of the generator's average, a step; 0: none
  uint64_t seed = 0;
  CaptureSteps capture = CaptureSteps::automatic;
};

/// What a step can tell, as plain numbers.
struct Gauges {
  double loss_d = 0, loss_g = 0;
  double d_real = 0, d_fake = 0, d_fake_after = 0;   // mean sigmoid of the logits; d_fake_after in the generator's pass
  double gradient_norm_d = 0, gradient_norm_g = 0;
};

/// Two networks and their optimisers. Everything random is a function of (seed, step).
class Gan {
 public:
  Gan(const Context& context, const Model& model, const GanOptions& options);

  /// @param real    (N,H,W,C) in [-1, 1]
  /// @param latent  (N,1,1,latent), or empty for draws of (seed, step)
  /// Where steps are captured, the first with these two tensors is a call, the second records, and that and all later ones repeat
  /// what was recorded; so write each batch into the same tensors.
  void step(const Tensor& real, const Tensor& latent = {});
  int64_t steps_done() const { return step_; }
  Gauges gauges() const;                 // of the last step; waits for the device

  /// Whether the last step() met a number that is not finite: the network that did was left as it was. Once a step, after it;
  /// waits for the device.
  bool met_not_finite();
  /// Takes the last step's gradients again, from the same random counters and without moving anything, and looks at every
  /// result. Returns a sentence that names the first operation and tensor that is not finite.
  std::string explain_not_finite(const Tensor& real, const Tensor& latent = {});

  /// Networks, average and optimisers, into files named after them, and back. The step count is not among them: see seek().
  /// load throws FormatError that lists what does not fit.
  void save(nn::Checkpoint& into) const;
  void load(const nn::Checkpoint& from, const std::string& what);
  void seek(int64_t steps_done) { step_ = steps_done; }

  /// Images in evaluation mode, from the average if there is one. Image i of a seed is the same whatever the count.
  Tensor sample(int64_t count, uint64_t seed) const;

  nn::Module& generator() const { return *networks_.generator; }
  nn::Module& discriminator() const { return *networks_.discriminator; }
  nn::Module& sampler() const { return average_.generator ? *average_.generator : *networks_.generator; }
  const nn::Arena& generator_arena() const { return *arena_g_; }
  const nn::Arena& discriminator_arena() const { return *arena_d_; }
  std::string parameters_sha256() const;

 private:
  void run_step(const Tensor& real, const Tensor& latent);
  void gradient_discriminator(const Tensor& real, const Tensor& fake);
  void gradient_generator(const Tensor& real, const Tensor& fake);

  Context context_;
  GanOptions options_;
  Networks networks_, average_;
  std::unique_ptr<nn::Arena> arena_g_, arena_d_, arena_average_;
  std::unique_ptr<nn::Optimizer> optimizer_g_, optimizer_d_;
  std::unique_ptr<nn::Ema> ema_;
  int64_t step_ = 0;
  struct { Tensor real, latent; Captured step; } captured_;
  Tensor draw_latent(int64_t count) const;
  std::string name_of(const Tensor& t) const;
  struct { Tensor loss_d, loss_g, d_real, d_fake, d_fake_after; } told_;
};

/// Everything that `weft train` can be told, with its defaults; one field a setting (apps/settings.h lists them with help).
struct TrainSettings {
  std::string model = "dcgan", data, out, objective = "non-saturating";
  std::string root;                      // data.root: where a named data set's files are
  int size = 32, channels = 0, width = 64, latent = 100, batch = 64;   // channels 0: as the data has
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
  std::string schedule = "constant";     // constant, linear, cosine; over `steps`
  int64_t warm_up = 0;
  std::string init = "dcgan";            // dcgan, xavier, kaiming, torch
  double ema = 0;
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
  std::string keep_best = "none";        // none, loss_g, loss_d, gap: also the one with the lowest
  int samples = 64;
};

/// One setting of a run as it was resolved.
struct ConfigLine {
  std::string key, value;
  bool may_change = false;               // on resume: it does not enter the result
  std::string by_default = "";           // what a run has that was made before there was such a setting
};

struct TrainRequest {
  TrainSettings settings;
  std::vector<ConfigLine> config;        // all settings; kept in the run and compared on resume
  std::string config_toml;               // the same for people: config.toml
  std::string command;                   // the command line
  bool resume = false;                   // go on from the newest whole checkpoint in settings.out, or begin if there is none
  bool allow_config_change = false;
};

/// The settings that a run was last started with (run.json, or its newest whole checkpoint); empty if there is no run.
std::vector<ConfigLine> stored_config(const std::string& run);

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
  std::map<std::string, uint64_t> launches;
};

enum class Wish { go_on, save, stop };   // save: a checkpoint now; stop: save and end

/// What the caller wants to hear and can decide, while it runs.
struct TrainCallbacks {
  std::function<void(const Progress&)> progress;         // every log_every steps, and twice a second
  std::function<void(const std::string&)> note;          // a sentence for a person
  std::function<Wish()> wish;                            // asked after every step
};

/// Trains into the run directory (gan/run_directory.h). Cut anywhere and resumed, it ends with the same bits as without.
/// Throws ConfigError for settings that make no sense or are not those of the run to resume, DataError for data that cannot be
/// used, IoError for the disk, Error if the watchdog stops the run.
TrainReport train(const TrainRequest& request, const TrainCallbacks& callbacks);

/// A trained generator, from a run or from a generator's file alone.
struct TrainedGenerator {
  std::shared_ptr<nn::Sequential> network;
  ModelOptions model;
  std::string checkpoint;                // its directory, or the file
  std::string sha256;                    // of the generator's file
  Tensor sample(int64_t count, uint64_t seed) const;      // images [0, count) of a seed, (count,H,W,C) in [-1, 1]
};
/// @param run   RUN (its newest whole checkpoint), RUN@STEP, a checkpoint's folder, or FILE.safetensors
/// @param note  hears of broken checkpoints that were passed over; may be empty
TrainedGenerator load_generator(const std::string& run, const Context& context, const std::function<void(const std::string&)>& note = {});

/// Latents of a seed: row i is the same whatever the count. (N,1,1,latent)
Tensor latents(const Context& context, int64_t count, int latent, uint64_t seed);

}  // namespace weft::gan
