// What a run that translates pictures makes of pairs that it never saw, beside what needs no learning.
//
//   bench_translation_quality RUN SOURCE [size 64] [held out 0.1] [most 1500]
//
// SOURCE is opened as pairs and dealt out as training dealt it out; for a model of unpaired sides (cyclegan, cut) the pairing is
// what it was not told. One line each of: the run, the input itself, the mean of the targets that training had, and the target whose input is nearest among those.
//   error      mean absolute difference from the target, of values in [0, 1]
//   sharpness  squared differences of neighbours, as a share of the targets'
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"
#include "weft/gan/translator.h"
#include "weft/gan/two_sides.h"
#include "weft/nn/loss.h"

using namespace weft;

namespace {

struct Pairs { Tensor a, b; };

Pairs read(const Context& context, gan::Dataset& data) {
  const int64_t side = data.height(), c = data.channels() / 2;
  const size_t each = size_t(side * side * 2 * c);
  std::vector<float> all(size_t(data.size()) * each);
  for (int64_t i = 0; i < data.size(); ++i) data.read(i, all.data() + size_t(i) * each);
  const Tensor both = context.from(all, {data.size(), side, side, 2 * c});
  return {slice(both, 3, 0, c), slice(both, 3, c, 2 * c)};
}

void report(const char* what, const Tensor& made, const Tensor& target) {
  double sharp = 0, wanted = 0;
  for (int64_t i = 0; i < target.size(0); ++i) sharp += gan::gradient_energy(gan::to_image(made, i)), wanted += gan::gradient_energy(gan::to_image(target, i));
  std::printf("%-18s error %.4f   sharpness %.3f\n", what, nn::l1(made, target).item() / 2, sharp / wanted);
}

/// For each of `asked`, the training picture whose input is nearest, by squared differences.
Tensor looked_up(const Pairs& known, const Tensor& asked) {
  const std::vector<float> inputs = known.a.floats(), questions = asked.floats();
  const size_t each = size_t(asked.count() / asked.size(0));
  std::vector<int32_t> nearest;
  for (size_t q = 0; q < questions.size(); q += each) {
    double least = std::numeric_limits<double>::infinity();
    size_t best = 0;
    for (size_t k = 0; k < inputs.size(); k += each) {
      double sum = 0;
      for (size_t i = 0; i < each; ++i) sum += double((inputs[k + i] - questions[q + i]) * (inputs[k + i] - questions[q + i]));
      if (sum < least) least = sum, best = k / each;
    }
    nearest.push_back(int32_t(best));
  }
  return gather(known.b, asked.context().index(nearest, {int64_t(nearest.size())}));
}

int run(int argc, char** argv) {
  if (argc < 3) throw ConfigError("bench_translation_quality RUN SOURCE [size] [held out] [most]");
  const auto number = [&](int i, double otherwise) { return argc > i ? std::stod(argv[i]) : otherwise; };
  gan::DatasetOptions options;
  options.size = int(number(3, 64));
  const gan::Split pairs = gan::open_pairs(argv[2], options, {number(4, 0.1), int64_t(number(5, 1500))});
  if (!pairs.held_out) throw ConfigError("nothing is held out: there is nothing to judge by");
  const Context context = Context::open("cpu");
  const NoGraph scope(context);
  const Pairs known = read(context, *pairs.train), held_out = read(context, *pairs.held_out);
  const gan::Translator translator(argv[1], context);
  Tensors made;
  for (int64_t i = 0; i < held_out.a.size(0); i += 8) made.push_back(translator(slice(held_out.a, 0, i, std::min(i + 8, held_out.a.size(0)))));
  report(translator.checkpoint().c_str(), concat(made, 0), held_out.b);
  report("the input itself", held_out.a, held_out.b);
  report("mean of targets", held_out.b * 0 + mean(known.b, {0}, KeepAxes::yes), held_out.b);
  report("nearest neighbour", looked_up(known, held_out.a), held_out.b);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_translation_quality: %s\n", e.what());
    return 1;
  }
}
