// Networks of fully connected layers, for points of the plane.
//
//   form = relu     generator: 4 hidden layers of `width`, ReLU; discriminator: 3 of them, LeakyReLU(0.2), on x and on waves of x.
//   form = maxout   those of Srivastava et al., arXiv:1705.07761, and Lin et al., arXiv:1712.04086: generator 4 x width with batch norm and ReLU,
//                   discriminator 3 x width/2 maxout units of 5 pieces (Goodfellow et al., arXiv:1302.4389). Theirs are width = 400, latent = 2.
//
// Why waves: a fully connected network learns coarse functions long before fine ones (Rahaman et al., arXiv:1806.08734). A
// discriminator that is given x alone never sees that modes are too narrow. With sines and cosines of x, at scales from the whole
// of the data down to its grain, it does (Tancik et al., arXiv:2006.10739). But one that sees the finest from the beginning parts the
// modes before they have their weights, and then no sample lies between them to carry weight across: so the waves open one after
// the other, from the coarsest, once the whole has found its shape (as Park et al., arXiv:2011.12948, let details come late).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "weft/gan/contest.h"

namespace weft::gan {
namespace {

using nn::Bias;

constexpr int kGeneratorLayers = 4, kDiscriminatorLayers = 3, kPieces = 5;

/// (N,1,1,2 m) -> (N,1,1,(2 + 2 waves) m): of each of the m points x, then cosines and sines of x along `waves` directions that a golden angle parts, their
/// wavelengths in a geometric series. The finer a wave, the smaller: as of a function that is smooth.
class Waves : public nn::Module {
 public:
  Waves(const Context& context, int waves, double grain) {
    constexpr double kCoarsest = 2;                                  // radians a unit
    const double finest = std::max(kCoarsest, 1 / grain), golden = std::numbers::pi * (3 - std::sqrt(5.0));
    std::vector<double> directions;
    for (int i = 0; i < waves; ++i) {
      const double frequency = kCoarsest * std::pow(finest / kCoarsest, waves > 1 ? double(i) / (waves - 1) : 0);
      directions.push_back(frequency * std::cos(golden * i)), directions.push_back(frequency * std::sin(golden * i));
      heights_.push_back(std::sqrt(kCoarsest / frequency));
    }
    directions_ = context.from(directions, {waves, 2});
    shown_ = context.from(heights_, {waves});
  }

  /// @param open  share of the waves that are seen, from the coarsest; between two, the next one rises
  void open(double share) {
    if (share == open_) return;
    open_ = share;
    std::vector<double> shown = heights_;
    for (size_t i = 0; i < shown.size(); ++i) shown[i] *= std::clamp(share * double(shown.size()) - double(i), 0.0, 1.0);
    shown_.write(shown, "waves");
  }

  Tensor forward(const Tensor& x) override {
    const Tensor points = reshape(x, {x.size(0), 1, x.size(3) / 2, 2}), angle = matmul(points, directions_, false, true);
    const Tensor seen = concat({points, cos(angle) * shown_, sin(angle) * shown_}, 3);
    return reshape(seen, {x.size(0), 1, 1, seen.size(2) * seen.size(3)});
  }

 private:
  std::vector<double> heights_;
  Tensor directions_, shown_;            // (waves, 2); (waves): heights, as far as open
  double open_ = 1;
};

class OnWaves : public nn::Sequential, public Paced {
 public:
  OnWaves(const Context& context, int waves, double grain) : waves_(std::make_shared<Waves>(context, waves, grain)) { append(waves_); }
  void set_progress(double done) override { waves_->open(std::clamp((done - kFirstWave) / (kLastWave - kFirstWave), 0.0, 1.0)); }

 private:
  static constexpr double kFirstWave = 0.3, kLastWave = 0.5;       // shares of the run
  std::shared_ptr<Waves> waves_;
};

/// The largest of kPieces linear functions, a unit. Pieces lie apart, units side by side: the largest of five neighbours would be sought one unit at a time.
class Maxout : public nn::Module {
 public:
  Maxout(const Context& context, int64_t in, int64_t units) : units_(units) { pieces_ = add("pieces", std::make_shared<nn::Linear>(context, in, units * kPieces)); }
  Tensor forward(const Tensor& x) override { return reshape(max(reshape((*pieces_)(x), {x.size(0), 1, kPieces, units_}), {2}), {x.size(0), 1, 1, units_}); }

 private:
  std::shared_ptr<nn::Linear> pieces_;
  int64_t units_;
};

}  // namespace

Networks mlp(const Context& c, const ModelOptions& o) {
  if (o.size != 1 || o.channels % 2)             // as many points as are judged together
    throw ConfigError("mlp learns points of the plane (ring8, grid25, a CSV of x,y a line), not pictures; for those there is --model dcgan");
  const bool maxout = o.form == "maxout", waves = !maxout && o.waves > 0;
  const auto generator = std::make_shared<nn::Sequential>();
  const std::shared_ptr<nn::Sequential> discriminator = waves ? std::make_shared<OnWaves>(c, o.waves, o.grain) : std::make_shared<nn::Sequential>();
  const auto dense = [&](nn::Sequential& network, int64_t in, int64_t out, Bias bias = Bias::yes) { network.append(std::make_shared<nn::Linear>(c, in, out, bias)); };
  for (int layer = 0; layer < kGeneratorLayers; ++layer) {
    dense(*generator, layer == 0 ? o.latent : o.width, o.width, maxout ? Bias::no : Bias::yes);
    if (maxout) generator->append(std::make_shared<nn::BatchNorm2d>(c, o.width, 1e-5, 0.05, 0));   // ReLU behind it
    else generator->append(nn::ReLU());
  }
  dense(*generator, o.width, o.channels);

  int64_t in = o.channels;
  if (waves) in *= 1 + o.waves;
  for (int layer = 0; layer < kDiscriminatorLayers; ++layer) {
    const int64_t out = maxout ? std::max(1, o.width / 2) : o.width;
    if (maxout) discriminator->append(std::make_shared<Maxout>(c, in, out));
    else dense(*discriminator, in, out), discriminator->append(nn::LeakyReLU());
    in = out;
  }
  dense(*discriminator, in, 1);
  discriminator->append(nn::Flatten());
  return {generator, discriminator};
}

}  // namespace weft::gan
