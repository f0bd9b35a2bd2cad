// How well a run of `restyle` does what it is for, on contents and on crops of its styles that no step of it saw.
//
//   bench_restyle_quality RUN CONTENTS STYLES [held out 0.1] [style size 0]
//
// CONTENTS is a folder of pictures that RUN was not trained on; STYLES, the share of them held out and the size they are brought to
// are its training's. A figure a line, its name first; behind it the bar that it is held to, if any. Exit code 3 if one is missed.
//   fall_BANK_xS     1 - (patch distance of results to held-out crops) / (that of the contents), at 1/S of the size
//   floor_BANK_x1    the same for crops that were trained on, instead of results: as near as two samples of the style are
//   contents_apart   the contents' patch distance itself, of values in [0,1]
//   ssim             to the content, mean
//   no_copy          share of results whose luminance correlates below 0.9 with every crop, and every mirrored one, that was trained on
//   judged           loss (cross-entropy) of a discriminator that learned afresh, and not for long, from half of the contents' results
//                    and the crops of training, on the other half and held-out crops: 2 log 2 = 1.386 if nothing tells them apart,
//                    0 if all does (a classifier two-sample test: Lopez-Paz and Oquab, arXiv:1610.06545)
//   strength_X       fall (random bank, full size) and ssim at that --strength
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"
#include "weft/gan/translation.h"
#include "weft/gan/translator.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/philox.h"
#include "weft/nn/loss.h"
#include "weft/nn/optimizer.h"
#include "weft/tensor/random_stream.h"

using namespace weft;

namespace {

constexpr int64_t kMeasured = 32, kCrops = 64;   // pictures whose patches are compared: their lists are long

/// Pictures of `data` (n,H,W,C), at most `most` of them, from all over it: those of one class, or of all.
Tensor pictures(const Context& context, gan::Dataset& data, int64_t most, int label = -1) {
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < data.size(); ++i)
    if (label < 0 || data.labels()[size_t(i)] == label) chosen.push_back(i);
  const int64_t count = std::min(most, int64_t(chosen.size())), each = int64_t(data.height()) * data.width() * data.channels();
  std::vector<float> values(size_t(count * each));
  for (int64_t i = 0; i < count; ++i) data.read(chosen[size_t(i * int64_t(chosen.size()) / count)], &values[size_t(i * each)]);
  return context.from(values, {count, data.height(), data.width(), data.channels()});
}

/// At most `most` of them, from all over.
std::vector<gan::Image> images(const Tensor& t, int64_t most) {
  std::vector<gan::Image> all;
  const int64_t count = std::min(most, t.size(0));
  for (int64_t i = 0; i < count; ++i) all.push_back(gan::to_image(t, i * t.size(0) / count));
  return all;
}

/// Every other one of them, from the first (0) or the second (1).
Tensor every_other(const Tensor& t, int64_t from) {
  const int64_t half = t.size(0) / 2, h = t.size(1);
  return slice(reshape(slice(t, 0, 0, 2 * half), {half, 2 * h, t.size(2), t.size(3)}), 1, from * h, (from + 1) * h);
}

Tensor translated(const gan::Translator& translate, const Tensor& contents, const gan::TranslateOptions& o) {
  Tensors made;
  for (int64_t i = 0; i < contents.size(0); i += 16) made.push_back(translate(slice(contents, 0, i, std::min(i + 16, contents.size(0))), o));
  return concat(made, 0);
}

/// Luminances less their mean, of length 1: (n, H*W). What is flat becomes zeros and correlates with nothing.
Tensor standardised(const Tensor& x) {
  Tensor grey = x;
  if (x.size(3) == 3) grey = 0.299 * slice(x, 3, 0, 1) + 0.587 * slice(x, 3, 1, 2) + 0.114 * slice(x, 3, 2, 3);
  grey = reshape(grey, {x.size(0), x.size(1) * x.size(2)});
  grey = grey - mean(grey, {1}, KeepAxes::yes);
  return grey / sqrt(sum(grey * grey, {1}, KeepAxes::yes) + 1e-6);
}

/// The highest correlation of each result with any crop or mirrored crop of that style that training saw.
std::vector<float> nearest_crop(const Context& context, const Tensor& made, gan::Dataset& crops, int label) {
  const int64_t each = made.count() / made.size(0);
  const Tensor asked = standardised(concat({made, flip(made)}, 0));
  std::vector<float> best(size_t(made.size(0)), -1);
  std::vector<float> values;
  const auto look = [&] {
    const int64_t n = int64_t(values.size()) / each;
    if (n == 0) return;
    const Tensor known = standardised(context.from(values, {n, made.size(1), made.size(2), made.size(3)}));
    const std::vector<float> highest = max(matmul(asked, known, false, true), {1}).floats();
    for (size_t i = 0; i < highest.size(); ++i) best[i % best.size()] = std::max(best[i % best.size()], highest[i]);
    values.clear();
  };
  for (int64_t i = 0; i < crops.size(); ++i) {
    if (crops.labels()[size_t(i)] != label) continue;
    values.resize(values.size() + size_t(each));
    crops.read(i, &values[values.size() - size_t(each)]);
    if (int64_t(values.size()) == 256 * each) look();
  }
  look();
  return best;
}

/// `count` rows of t, drawn at random.
Tensor drawn(const Tensor& t, int64_t count, const char* stream, uint64_t step) {
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < count; ++i) rows.push_back(int32_t(uniform_from(philox(stream_key(0, stream), step, uint64_t(i)).w[0]) * float(t.size(0))));
  return gather(t, t.context().index(rows, {count}));
}

/// The loss, on the other two, of a discriminator that learned from the first two: for so few steps that it is not yet sure of everything.
double judged(const Context& context, const Tensor& real, const Tensor& fake, const Tensor& other_real, const Tensor& other_fake) {
  constexpr int kSteps = 60, kBatch = 16;
  gan::PatchDiscriminator judge(context, {int(real.size(3)), 16, 2});
  nn::initialise(judge, nn::Init::kaiming, 0, "judge");
  nn::Arena arena(judge);
  nn::OptimizerOptions o;
  o.learning_rate = 1e-3;
  nn::Optimizer optimizer(arena, o, 0);
  for (int step = 0; step < kSteps; ++step) {
    optimizer.prepare(step);
    context.publish_step_state();
    const Tensor on_real = judge(drawn(real, kBatch, "real", uint64_t(step))), on_fake = judge(drawn(fake, kBatch, "fake", uint64_t(step)));
    backward(nn::bce_with_logits(on_real, 1) + nn::bce_with_logits(on_fake, 0), arena.leaves(), arena.windows());
    optimizer.step();
  }
  const NoGraph scope(context);
  const auto loss = [&](const Tensor& t, double target) {
    double sum = 0;
    for (int64_t i = 0; i < t.size(0); ++i) sum += nn::bce_with_logits(judge(slice(t, 0, i, i + 1)), target).item() / double(t.size(0));
    return sum;
  };
  return loss(other_real, 1) + loss(other_fake, 0);
}

int missed = 0;
void tell(const std::string& name, double value) { std::printf("%-18s %.4f\n", name.c_str(), value); }
void tell(const std::string& name, double value, double bar) {
  std::printf("%-18s %.4f   bar %.2f%s\n", name.c_str(), value, bar, value >= bar ? "" : ": missed");
  missed += value >= bar ? 0 : 1;
}
void require(const char* what, bool holds) {
  std::printf("%s: %s\n", what, holds ? "yes" : "no: missed");
  missed += holds ? 0 : 1;
}

int run(int argc, char** argv) {
  if (argc < 4) throw ConfigError("bench_restyle_quality RUN CONTENTS STYLES [held out] [style size]");
  const auto number = [&](int i, double otherwise) { return argc > i ? std::stod(argv[i]) : otherwise; };
  const Context context = Context::open("cpu", {.threads = 1});
  const gan::Translator translate(argv[1], context);
  gan::DatasetOptions options;
  options.size = translate.model().size, options.channels = translate.model().channels;
  const Tensor contents = pictures(context, *gan::open_dataset(argv[2], options), 1 << 20);
  const gan::Split crops = gan::open_style_crops(argv[3], options, int(number(5, 0)), {number(4, 0.1), 0});
  if (!crops.held_out) throw ConfigError("nothing of the styles is held out: there is nothing to judge by");
  const auto styles = translate.model().styles.size();
  const std::vector<gan::Image> before = images(contents, kMeasured);

  const double strengths[] = {0, 0.25, 0.5, 0.75, 1};
  using Scales = std::array<double, 3>;
  Scales random[5]{}, cosine[5]{}, floor[2]{};
  double kept[5]{}, off = 0, copies = 0, nearest = -1, mistaken = 0;
  const auto add = [](Scales& to, const Scales& more) { for (size_t i = 0; i < 3; ++i) to[i] += more[i]; };
  for (size_t s = 0; s < styles; ++s) {
    gan::TranslateOptions o;
    if (styles > 1) o.styles = {{translate.model().styles[s], 1}};
    const Tensor trained = pictures(context, *crops.train, 256, int(s)), held = pictures(context, *crops.held_out, kCrops, int(s));
    const std::vector<gan::Image> style = images(held, kCrops);
    const Tensor made = translated(translate, contents, o);
    for (size_t i = 0; i < 5; ++i) {
      std::vector<gan::Image> after = images(made, kMeasured);
      o.strength = strengths[i];
      for (size_t k = 0; i < 4 && k < after.size(); ++k) after[k] = translate(before[k], o);
      add(random[i], gan::patch_distance(context, after, style));
      if (i == 0 || i == 4) add(cosine[i], gan::patch_distance(context, after, style, gan::FilterBank::cosine));
      for (size_t k = 0; k < after.size(); ++k) {
        kept[i] += gan::structural_similarity(before[k], after[k]) / double(after.size() * styles);
        for (size_t p = 0; i == 0 && p < after[k].pixels.size(); ++p) off = std::max(off, std::abs(double(after[k].pixels[p]) - before[k].pixels[p]));
      }
    }
    add(floor[0], gan::patch_distance(context, images(trained, kCrops), style));
    add(floor[1], gan::patch_distance(context, images(trained, kCrops), style, gan::FilterBank::cosine));
    for (const float c : nearest_crop(context, made, *crops.train, int(s))) copies += c >= 0.9f, nearest = std::max(nearest, double(c));
    mistaken += judged(context, trained, every_other(made, 0), held, every_other(made, 1)) / double(styles);
  }

  std::printf("# %s: %lld contents, %zu styles, %lld crops held out of %lld\n", translate.checkpoint().c_str(), static_cast<long long>(contents.size(0)), styles,
              static_cast<long long>(crops.held_out->size()), static_cast<long long>(crops.train->size() + crops.held_out->size()));
  const auto fall = [](const Scales& now, const Scales& was, size_t scale) { return 1 - now[scale] / was[scale]; };
  for (const auto& [name, at, least] : {std::tuple{"random", random, floor[0]}, std::tuple{"cosine", cosine, floor[1]}}) {
    tell(std::string("fall_") + name + "_x1", fall(at[4], at[0], 0), 0.6);
    tell(std::string("fall_") + name + "_x2", fall(at[4], at[0], 1));
    tell(std::string("fall_") + name + "_x4", fall(at[4], at[0], 2));
    tell(std::string("floor_") + name + "_x1", fall(least, at[0], 0));
  }
  tell("contents_apart", random[0][0] / double(styles));
  tell("ssim", kept[4], 0.4);
  tell("no_copy", 1 - copies / double(contents.size(0) * int64_t(styles)), 0.95);
  tell("nearest_crop", nearest);
  tell("judged", mistaken);
  bool falls = true, keeps = true;
  for (size_t i = 0; i < 5; ++i) {
    std::printf("strength_%.2f      %.4f %.4f\n", strengths[i], fall(random[i], random[0], 0), kept[i]);
    falls = falls && (i == 0 || random[i][0] < random[i - 1][0]), keeps = keeps && (i == 0 || kept[i] < kept[i - 1]);
  }
  require("patch distance falls with every step of --strength", falls);
  require("SSIM falls with every step of --strength", keeps);
  require(("--strength 0 is the content within 2 levels of 255 (" + std::to_string(int(off)) + ")").c_str(), off <= 2);
  return missed ? 3 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_restyle_quality: %s\n", e.what());
    return 1;
  }
}
