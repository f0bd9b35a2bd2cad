// Networks of fully connected layers, for points of the plane.
//
//   form = relu     generator: 4 hidden layers of `width`, ReLU; discriminator: 3 of them, LeakyReLU(0.2), on x and on waves of x.
//   form = maxout   those of Srivastava et al., arXiv:1705.07761, and Lin et al., arXiv:1712.04086: generator 4 x width with batch norm and ReLU,
//                   discriminator 3 x width/2 maxout units of 5 pieces (Goodfellow et al., arXiv:1302.4389). Theirs are width = 400, latent = 2.
//
// Why waves: a fully connected network learns coarse functions long before fine ones (Rahaman et al., arXiv:1806.08734). A
// discriminator that is given x alone never sees that modes are too narrow. With sines and cosines of x, at scales from the whole
// of the data down to its grain, it does (Tancik et al., arXiv:2006.10739).
#include <cmath>
#include <numbers>

#include "weft/gan/model.h"

namespace weft::gan {
namespace {

using nn::Bias;

constexpr int kGeneratorLayers = 4, kDiscriminatorLayers = 3, kPieces = 5;

/// (N,1,1,2) -> (N,1,1,2 + 2 waves): x, then cosines and sines of x along `waves` directions that a golden angle parts, their
/// wavelengths in a geometric series. The finer a wave, the smaller: as of a function that is smooth.
class Waves : public nn::Module {
 public:
  Waves(const Context& context, int waves, double grain) {
    constexpr double kCoarsest = 2;                                  // radians a unit
    const double finest = std::max(kCoarsest, 1 / grain), golden = std::numbers::pi * (3 - std::sqrt(5.0));
    std::vector<double> directions, heights;
    for (int i = 0; i < waves; ++i) {
      const double frequency = kCoarsest * std::pow(finest / kCoarsest, waves > 1 ? double(i) / (waves - 1) : 0);
      directions.push_back(frequency * std::cos(golden * i)), directions.push_back(frequency * std::sin(golden * i));
      heights.push_back(std::sqrt(kCoarsest / frequency));
    }
    directions_ = context.from(directions, {waves, 2});
    heights_ = context.from(heights, {waves});
  }
  Tensor forward(const Tensor& x) override {
    const Tensor angle = matmul(x, directions_, false, true);
    return concat({x, cos(angle) * heights_, sin(angle) * heights_}, 3);
  }

 private:
  Tensor directions_, heights_;
};

/// The largest of kPieces linear functions, a unit.
class Maxout : public nn::Module {
 public:
  Maxout(const Context& context, int64_t in, int64_t units) : units_(units) { pieces_ = add("pieces", std::make_shared<nn::Linear>(context, in, units * kPieces)); }
  Tensor forward(const Tensor& x) override { return max(reshape((*pieces_)(x), {x.size(0), 1, 1, units_, kPieces}), {4}); }

 private:
  std::shared_ptr<nn::Linear> pieces_;
  int64_t units_;
};

}  // namespace

Networks mlp(const Context& c, const ModelOptions& o) {
  if (o.size != 1 || o.channels != 2)
    throw ConfigError("mlp learns points of the plane (ring8, grid25, a CSV of x,y a line), not pictures; for those there is --model dcgan");
  const auto generator = std::make_shared<nn::Sequential>(), discriminator = std::make_shared<nn::Sequential>();
  const auto dense = [&](nn::Sequential& network, int64_t in, int64_t out, Bias bias = Bias::yes) { network.append(std::make_shared<nn::Linear>(c, in, out, bias)); };
  const bool maxout = o.form == "maxout";
  for (int layer = 0; layer < kGeneratorLayers; ++layer) {
    dense(*generator, layer == 0 ? o.latent : o.width, o.width, maxout ? Bias::no : Bias::yes);
    if (maxout) generator->append(std::make_shared<nn::BatchNorm2d>(c, o.width, 1e-5, 0.05, 0));   // ReLU behind it
    else generator->append(nn::ReLU());
  }
  dense(*generator, o.width, 2);

  int64_t in = 2;
  if (!maxout && o.waves > 0) discriminator->append(std::make_shared<Waves>(c, o.waves, o.grain)), in += 2 * o.waves;
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
