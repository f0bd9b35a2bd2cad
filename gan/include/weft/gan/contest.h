// A contest: networks that learn from each other, each with an optimiser of its own. What all contests share is here: the count of
// steps, recording them, files, averages, the watchdog, what the log is told. A model adds its networks and says what one step is.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weft/gan/discriminator_augment.h"
#include "weft/gan/model.h"
#include "weft/gan/objective.h"
#include "weft/gan/penalty.h"
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
  nn::Checkpoint checkpoint;             // files named after the networks; none: nothing is taken
  std::string what;                      // where they come from, for messages
  std::string layers;                    // patterns as in freeze: only these; empty: all, and all must fit; "fitting": what fits
  std::function<void(const std::string&)> note;   // hears what was left out
};

/// What each part of a loss counts, for models that have such a part; each says what its parts are.
struct LossWeights {
  double adversarial = 1, content = 0, style = 0, cycle = 0, identity = 0, l1 = 0, nce = 0, kl = 0, path_length = 0;
};

struct GanOptions {
  ModelOptions model;
  const Objective* objective = nullptr;
  UpdateOrder order = UpdateOrder::discriminator_first;
  nn::OptimizerOptions generator, discriminator;   // of all networks that make pictures, and of all that judge them
  int64_t steps = 0;                               // in all, for what goes by their share; 0: not known
  nn::Init init = nn::Init::dcgan;
  InitFrom init_from;
  std::string freeze;   // "generator.main.0.*,discriminator.*": patterns of parameters that stay as they are
  double ema = 0;       // decay of the generators' averages, an update; 0: none
  double ema_ramp = 0;  // while a run is young its averages remember half after this share of the updates so far; 0: as later on
  uint64_t seed = 0;
  CaptureSteps capture = CaptureSteps::automatic;
  LossWeights weights;
  int pool = 0;         // generated pictures that a discriminator is shown again; 0: none
  int patches = 256;    // places of a picture that PatchNCE compares
  // of the plain game, gan.h
  std::vector<WeightedPenalty> penalties;          // on the discriminator
  int penalty_every = 1;                           // steps from one that is penalised to the next; its weight counts for all of them
  double penalty_end = 1;                          // penalties' weights go log-linearly to this multiple,
  int64_t penalty_anneal = 0;                      // in so many steps
  int d_width = 0;                                 // ModelOptions::width of the discriminator; 0: the generator's
  int packing = 1;                                 // pictures that the discriminator judges together. Lin et al., arXiv:1712.04086
  double mode_seeking = 0;                         // weight of latents' pictures being alike. Mao et al., arXiv:1903.05628
  double label_smoothing = 0;                      // real pictures' label is so much below 1. Salimans et al., arXiv:1606.03498
  int d_steps = 1;                                 // of which the generator moves in the last
  DiscriminatorAugmentOptions augment;             // of all that the discriminator is shown
};

/// What a step can tell, as plain numbers under the names of log.jsonl. "loss_..." are losses, "d_..." a discriminator's opinions as
/// probabilities, "gradient_norm_..." the lengths of gradients.
struct Gauges {
  std::vector<std::pair<std::string, double>> values;
  double operator[](const std::string& name) const;      // NaN if there is none of that name
};

/// One network of a contest, which has at most four of them, one for each StepState::update; else ConfigError.
struct Player {
  std::string name;                      // of its file and its parameters: "generator"
  nn::ModulePtr network;
  nn::OptimizerOptions learning;
  nn::ModulePtr average;                 // another network of that kind, for the average; empty: none is kept
};

/// What a network is that makes, or judges, pictures of one class rather than another.
class Conditional {
 public:
  virtual ~Conditional() = default;
  /// @param labels  (N, classes), one-hot or multi-hot: of the samples of the passes to come
  virtual void set_condition(const Tensor& labels) { labels_ = labels; }

 protected:
  Tensor labels_;
};

/// The network as one of those. Throws ConfigError if it knows no classes.
Conditional& conditional(nn::Module& network);

/// What a network is that changes while a run goes on.
class Paced {
 public:
  virtual ~Paced() = default;
  /// @param done  share of the steps that are done; 1 if nobody knows
  virtual void set_progress(double done) = 0;
};

class Contest {
 public:
  virtual ~Contest() = default;

  /// One step of all networks. Everything random in it is a function of (seed, step); noise inside of generators,
  /// and the styles that StyleGAN2 mixes, of the step alone.
  /// Where steps are captured, the first with these tensors is a call, the second records, and that and all later ones repeat
  /// what was recorded; so write each batch into the same tensors.
  void step(const Tensors& batch);
  int64_t steps_done() const { return step_; }
  Gauges gauges() const;                 // of the last step; waits for the device

  /// Whether the last step() met a number that is not finite: the network that did was left as it was. Once a step, after it;
  /// waits for the device.
  bool met_not_finite();
  /// Takes the last step's gradients again, from the same random counters and without moving anything, and looks at every
  /// result. Returns a sentence that names the first operation and tensor that is not finite; empty if all is finite.
  std::string explain_not_finite(const Tensors& batch);

  /// Networks, averages and optimisers, into files named after them, and back. nn::Checkpoints::save makes a folder of it from which
  /// load_generator (trainer.h) reads the generator, if the model is one of models(). The step count is not among them: see seek().
  /// load throws FormatError that lists what does not fit. A contest that keeps more than that adds it, by file().
  virtual void save(nn::Checkpoint& into) const;
  virtual void load(const nn::Checkpoint& from, const std::string& what);
  void seek(int64_t steps_done) { step_ = steps_done; }

  /// What a sample sheet shows, in rows of `columns` pictures; 0: about as wide as high.
  struct Sheet {
    Tensor images;                       // (N,H,W,C) in [-1, 1]
    int columns = 0;
  };
  /// @param shown  pictures that no step sees, as step() would get them; empty for a model that makes its own from noise
  virtual Sheet sheet(const Tensors& shown, int64_t count, uint64_t seed) const = 0;
  /// How good it is on pictures that no step sees; the first is what the best checkpoint is chosen by, and lower is better.
  virtual Gauges measure(const Tensors& /*held_out*/) const { return {}; }

  nn::Module& network(size_t player) const { return *players_[player].network; }
  /// The player's average where one is kept, for everything but training.
  nn::Module& trained(size_t player) const { return players_[player].average ? *players_[player].average : *players_[player].network; }
  const nn::Arena& arena(size_t player) const { return *states_[player].arena; }
  const std::vector<Player>& players() const { return players_; }
  std::string parameters_sha256() const;

 protected:
  /// Draws the networks' initial values, or takes them from where options.init_from says, and gives each its optimiser.
  /// The context's step stays what it is until the first step().
  Contest(const Context& context, const Model& model, const GanOptions& options, std::vector<Player> players);
  /// A file of save(), with what its readers (load_generator, Translator, --init-from) have to know; to be filled.
  HostTensors& file(nn::Checkpoint& into, const std::string& name) const;

  /// All that the device does in a step. Nothing in it may depend on the step but through the step state, dials and kind().
  virtual void play(const Tensors& batch) = 0;
  /// Which of its kinds of step the step now is, where not all are alike; each is captured by itself.
  virtual int kind() const { return 0; }
  /// Whether the player moves in the step now.
  virtual bool moves(size_t /*player*/) const { return true; }
  /// What the host has to do before the step now: set dials.
  virtual void prepare(const Tensors& /*batch*/) {}
  int64_t step_now() const { return step_; }       // from 1
  /// The gradient of `loss` in the parameters of all these players, into their arenas. keep: others' gradients by the same graph come after it.
  void gradient(const std::vector<size_t>& players, const Tensor& loss, KeepGraph keep = KeepGraph::no);
  void gradient(size_t player, const Tensor& loss, KeepGraph keep = KeepGraph::no) { gradient(std::vector<size_t>{player}, loss, keep); }
  /// Its optimiser's step by the gradient that is there, and its average.
  void update(size_t player);
  enum class As { mean, probability };
  /// Whether play() is asked for its gradients alone: nothing that outlives the step may change.
  bool only_looking() const { return only_looking_; }
  /// For the log: the mean of `value`, or of its sigmoid.
  void tell(const std::string& name, const Tensor& value, As as = As::mean);

  const Context& context() const { return context_; }
  const GanOptions& options() const { return options_; }
  /// For a sheet: what is shown, or else the last step's batch; empty before the first one.
  const Tensors& or_last(const Tensors& shown) const { return shown.empty() || !shown[0] ? batch_ : shown; }

 private:
  struct State {
    std::unique_ptr<nn::Arena> arena, average_arena;
    std::unique_ptr<nn::Optimizer> optimizer;
    std::unique_ptr<nn::Ema> ema;
  };
  struct Told {
    std::string name;
    Tensor value;
    As as;
  };
  /// A kind of step. What it told lies where it was when the step was recorded.
  struct Kind {
    bool ran = false;
    Captured step;
    std::vector<Told> told;
  };
  std::string name_of(const Tensor& t) const;
  std::string look_for_trouble(const Tensors& batch);
  double ema_decay() const;

  Context context_;
  std::string model_;                    // its name
  GanOptions options_;
  std::vector<Player> players_;
  std::vector<State> states_;
  std::map<int, Kind> kinds_;
  Tensors batch_;                        // that they work on
  int64_t step_ = 0;
  bool only_looking_ = false;            // take gradients, and move nothing
};

/// What a network in evaluation mode makes of x, outside the graph; in parts of at most `most` samples, so that a thousand need no
/// more memory than a few. Afterwards the network trains again if it did before.
/// @param labels  (N, classes), for a network that is Conditional; else empty
/// Throws ShapeError for no samples or a `most` below 1, ConfigError for labels of a network that knows no classes.
Tensor in_evaluation(nn::Module& network, const Tensor& x, int64_t most = 64, const Tensor& labels = {});

}  // namespace weft::gan
