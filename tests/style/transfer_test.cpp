// `transfer`: what each dial promises, and masks to the byte; transfer_plan_test.cpp has what is known beforehand.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "../temporary_folder.h"
#include "pictures.h"
#include "style/regions.h"
#include "transfer_jobs.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

double mean_of(const Image& image, size_t channel) {
  double sum = 0;
  for (size_t i = channel; i < image.pixels.size(); i += 3) sum += image.pixels[i];
  return 3 * sum / double(image.pixels.size());
}

}  // namespace

TEST_CASE("patches come to be distributed as the style's, by more than its colours alone explain; the content stays to be seen") {
  TransferJob job = small_job();
  job.options.strength = 0.5;
  const Image result = transfer(cpu(), job), style = resized(stripes(60, 60), 72, 72);
  const double before = patches_apart(job.content, style), after = patches_apart(result, style);
  CHECK(after < 0.15 * before);
  CHECK(luminance_correlation(result, job.content, 2.25) > 0.5);
}

TEST_CASE("strength: 0 gives the content's bytes, and more goes further") {
  TransferJob job = small_job();
  const Image style = resized(stripes(60, 60), 72, 72);
  double before = patches_apart(job.content, style);
  for (const double strength : {0.0, 0.1, 0.3, 1.0}) {
    job.options.strength = strength;
    const Image result = transfer(cpu(), job);
    const double now = patches_apart(result, style);
    if (strength == 0) CHECK(result.pixels == job.content.pixels);
    else CHECK(now < before);
    before = now;
  }
}

TEST_CASE("a content with alpha: at strength 0, and outside a mask, it is written by the bytes it was read from") {
  TransferJob job = small_job();
  std::vector<uint8_t> stored;
  for (size_t i = 0; i < 64 * 72; ++i) {
    stored.insert(stored.end(), &job.content.pixels[3 * i], &job.content.pixels[3 * i] + 3);
    job.content.alpha.push_back(uint8_t(i % 256));
  }
  job.content.straight = stored;
  for (size_t i = 0; i < stored.size(); ++i) job.content.pixels[i] = uint8_t((stored[i] * job.content.alpha[i / 3] + 255 * (255 - job.content.alpha[i / 3]) + 127) / 255);
  const auto written = [](const Image& image) {
    const std::string file = encode_png(image);
    return decode_image(std::as_bytes(std::span(file.data(), file.size())));
  };
  job.options.strength = 0;
  CHECK(written(transfer(cpu(), job)).straight == stored);
  job.options.strength = 0.1, job.masks = {left_half(64, 72)};
  const Image result = written(transfer(cpu(), job));
  CHECK(result.alpha == job.content.alpha);
  int outside = 0, inside = 0;
  for (size_t i = 0; i < stored.size(); ++i) (i / 3 % 72 < 36 ? inside : outside) += result.straight[i] != stored[i];
  CHECK(outside == 0);
  CHECK(inside > 64 * 30);
}

TEST_CASE("effort: a share of the steps, which goes a part of the way") {
  TransferJob job = small_job();
  const Image style = resized(stripes(60, 60), 72, 72);
  const int steps = plan_transfer(cpu(), job).steps;
  double before = patches_apart(job.content, style);
  for (const double effort : {1e-9, 0.5, 1.0}) {
    job.options.effort = effort;
    CHECK(plan_transfer(cpu(), job).steps == std::max(1, int(std::lround(effort * steps))));
    const double now = patches_apart(transfer(cpu(), job), style);
    CHECK(now < before);
    before = now;
  }
  job.options.effort = 1.5;
  refused<ConfigError>(job, "effort");
}

TEST_CASE("structure: similarity to the content rises over the dial") {
  TransferJob job = small_job();
  double before = -1;
  for (const double structure : {0.0, 0.5, 1.0}) {
    job.options.structure = structure;
    const double now = structural_similarity(transfer(cpu(), job), job.content);
    CHECK(now > before + 0.02);
    before = now;
  }
}

TEST_CASE("brush: larger marks have fewer edges") {
  TransferJob job = small_job();
  job.content = flat(64, 64, 128), job.styles = {{stripes(30, 30)}}, job.options.strength = 0.5;       // at 0.5 its stripes are still wider than pixels
  for (size_t i = 0; i < job.content.pixels.size(); ++i) job.content.pixels[i] = uint8_t(100 + i * 37 % 60);   // something to begin from
  double before = 1e9;
  for (const double brush : {0.5, 1.0, 2.0}) {
    job.options.brush = brush;
    const double now = gradient_energy(transfer(cpu(), job));
    CAPTURE(brush);
    CHECK(now < before);
    before = now;
  }
}

TEST_CASE("the same seed gives the same bits, another one others; a look that says no gives the picture so far") {
  TransferJob job = small_job();
  const Image first = transfer(cpu(), job);
  CHECK(transfer(cpu(), job).pixels == first.pixels);
  job.options.seed = 1;
  CHECK(transfer(cpu(), job).pixels != first.pixels);
  int steps = 0;
  double apart = 0;
  const Image early = transfer(cpu(), job, [&](const TransferProgress& p) { return apart = p.distance(), ++steps < 3; });
  CHECK(steps == 3);
  CHECK(apart > 0);
  CHECK(early.height == 64);
  CHECK(early.width == 72);
}

TEST_CASE("outside a mask every byte is the content's, whatever the dials; inside it is another picture") {
  for (const TransferColours colours : {TransferColours::style, TransferColours::content, TransferColours::luminance}) {
    TransferJob job = small_job();
    job.masks = {left_half(64, 72)};
    job.options.colours = colours, job.options.feather = 6, job.options.keep_shading = true;
    const Image result = transfer(cpu(), job);
    int outside = 0, inside = 0;
    for (size_t i = 0; i < result.pixels.size(); ++i) (i / 3 % 72 < 36 ? inside : outside) += result.pixels[i] != job.content.pixels[i];
    CHECK(outside == 0);
    CHECK(inside > 64 * 30);
  }
}

TEST_CASE("a mask fades in over its feather, from nothing at the edge to all of it") {
  const std::vector<float> share = coverage(left_half(20, 80), 16);
  CHECK(share[40] == 0);
  CHECK(share[39] < 0.15f);
  CHECK(share[31] > 0.2f);
  CHECK(share[31] < share[27]);
  CHECK(share[20] == doctest::Approx(1));
  CHECK(coverage(left_half(20, 80), 0)[39] == 1);
}

TEST_CASE("a feather that leaves nothing of a mask is refused at the result's size") {
  TransferJob job = small_job();
  job.masks = {left_half(64, 72)}, job.options.feather = 60;
  plan_transfer(cpu(), job);                                          // 36 pixels, and no edge on the other side
  Image& mask = job.masks[0];
  for (size_t i = 0; i < mask.pixels.size(); ++i) mask.pixels[i] = i % 72 >= 20 && i % 72 < 40 && i / 72 >= 20 && i / 72 < 40 ? 255 : 0;
  CHECK_THROWS_AS(plan_transfer(cpu(), job), ConfigError);
  job.options.feather = 10;
  plan_transfer(cpu(), job);
  job.options.size = 24;
  CHECK_THROWS_AS(plan_transfer(cpu(), job), ConfigError);
}

TEST_CASE("each region has its own style: a black one and a white one") {
  TransferJob job = small_job();
  Image right = left_half(64, 72);
  for (uint8_t& v : right.pixels) v = uint8_t(255 - v);
  job.masks = {left_half(64, 72), right};
  job.styles = {{flat(30, 30, 10), 1, 0}, {flat(30, 30, 240), 1, 1}};
  const Image result = transfer(cpu(), job);
  CHECK(int(result.pixels[3 * (32 * 72 + 15)]) < 60);
  CHECK(int(result.pixels[3 * (32 * 72 + 55)]) > 190);
}

TEST_CASE("styles mix by their weights") {
  TransferJob job = small_job();
  job.styles = {{flat(30, 30, 0), 3}, {flat(30, 30, 200), 1}, {flat(30, 30, 255), 0}};
  CHECK(mean_of(transfer(cpu(), job), 0) == doctest::Approx(50).epsilon(0.1));
}

TEST_CASE("colours of the content: the mean to two steps; luminance: colour differences pixel for pixel") {
  TransferJob job = small_job();
  job.options.colours = TransferColours::content;
  const Image kept = transfer(cpu(), job);
  for (const size_t channel : {0u, 1u, 2u}) CHECK(std::abs(mean_of(kept, channel) - mean_of(job.content, channel)) < 2);
  job.options.colours = TransferColours::style;
  CHECK(std::abs(mean_of(transfer(cpu(), job), 2) - mean_of(job.content, 2)) > 10);
  job.options.colours = TransferColours::luminance;
  const Image grey = transfer(cpu(), job);
  double gap = 0;
  for (size_t i = 0; i < grey.pixels.size(); i += 3)
    gap += std::abs((grey.pixels[i] - grey.pixels[i + 2]) - (job.content.pixels[i] - job.content.pixels[i + 2])) > 6;
  CHECK(gap < 0.05 * 64 * 72);
}

TEST_CASE("colours of the content: of a cut-out, the mean of what can be seen") {
  TransferJob job = small_job();
  job.options.colours = TransferColours::content;
  job.content = weft::testing::one_colour(64, 72, {255, 255, 255});
  job.content.alpha.assign(64 * 72, 0);
  const auto seen = [](int i) { return std::hypot(i / 72 - 32, i % 72 - 36) < 18; };
  for (int i = 0; i < 64 * 72; ++i) {
    if (!seen(i)) continue;
    job.content.alpha[size_t(i)] = 255;
    const uint8_t dark[] = {uint8_t(120 + i * 37 % 60), uint8_t(30 + i % 20), 30};
    std::copy_n(dark, 3, &job.content.pixels[3 * size_t(i)]);
  }
  const Image kept = transfer(cpu(), job);
  for (const size_t channel : {0u, 1u, 2u}) {
    double gap = 0, count = 0;
    for (int i = 0; i < 64 * 72; ++i)
      if (seen(i)) gap += kept.pixels[3 * size_t(i) + channel] - job.content.pixels[3 * size_t(i) + channel], ++count;
    CHECK(std::abs(gap / count) < 2);
  }
}

TEST_CASE("colours of the content: where a cloth was laid on, those before it") {
  TransferJob job = small_job();
  const Image cloth = stripes(64, 72);
  job.lit = job.content, job.masks = {left_half(64, 72)}, job.options.colours = TransferColours::content;
  const std::vector<int32_t> where = inside(job.masks[0]);
  job.content = with_cloud(job.content, cloud_of(cloth, where), where);
  const Image before = cloud_of(job.lit, where);
  for (const double strength : {0.0, 0.2}) {
    job.options.strength = strength;
    const Image kept = cloud_of(transfer(cpu(), job), where);
    for (const size_t channel : {0u, 1u, 2u}) CHECK(std::abs(mean_of(kept, channel) - mean_of(before, channel)) < 2);
  }
  job.options.colours = TransferColours::luminance;
  const Image grey = cloud_of(transfer(cpu(), job), where);
  int apart = 0;
  for (size_t i = 0; i < grey.pixels.size(); i += 3) apart += std::abs((grey.pixels[i] - grey.pixels[i + 2]) - (before.pixels[i] - before.pixels[i + 2])) > 6;
  CHECK(apart < 0.05 * double(where.size()));
}

TEST_CASE("a cloth that was laid on fades in with its mask's feather, as what is done to it does; at strength 0 too") {
  for (const double strength : {0.0, 0.2}) {
    TransferJob job{flat(64, 72, 230), {{flat(64, 64, 230)}}, {left_half(64, 72)}, {}, flat(64, 72, 20)};
    for (int i = 0; i < 64 * 72 * 3; ++i)
      if (i / 3 % 72 >= 36) job.content.pixels[size_t(i)] = 20;             // the cloth lies in the mask alone
    job.options.strength = strength, job.options.feather = 16;
    const Image result = transfer(cpu(), job);
    const std::vector<float> share = coverage(job.masks[0], 16);
    for (const int x : {4, 24, 28, 32, 35, 40}) CHECK(int(result.pixels[3 * (32 * 72 + size_t(x))]) == doctest::Approx(20 + 210 * share[32 * 72 + size_t(x)]).epsilon(0.03));
  }
}

TEST_CASE("keep shading: light and shade fall as they did, and the texture is there") {
  TransferJob job = small_job();
  job.options.strength = 0.5, job.options.structure = 0;
  const Image style = resized(stripes(60, 60), 72, 72), without = transfer(cpu(), job);
  job.options.keep_shading = true;
  const Image with = transfer(cpu(), job);
  CHECK(luminance_correlation(with, job.content, 2.25) > 0.9);
  CHECK(luminance_correlation(with, job.content, 2.25) > luminance_correlation(without, job.content, 2.25));
  CHECK(patches_apart(with, style) < 0.5 * patches_apart(job.content, style));
}

TEST_CASE("a cloth that was laid on is lit by the garment: folds fall on it, and large motifs stay as light as they were") {
  const int side = 128;
  Image garment = weft::testing::one_colour(side, side, {200, 200, 200}), cloth = weft::testing::one_colour(side, side, {180, 120, 60});
  std::vector<float> share(size_t(side) * side, 0);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int k = 0; k < 3; ++k) {
        const size_t i = size_t(y * side + x) * 3 + size_t(k);
        garment.pixels[i] = uint8_t(140 + 40 * std::sin(x * 0.2));          // folds from top to bottom
        if (y / 32 % 2) cloth.pixels[i] = uint8_t(cloth.pixels[i] / 2);     // broad dark bars across
        share[i / 3] = 1;
      }
  const Image lit = lit_as(cloth, garment, share);
  CHECK(luminance_correlation(lit, garment, 2) > 0.4);                      // the bars have the larger part of the light
  const auto at = [&](const Image& picture, int y, int x) { return double(picture.pixels[size_t(y * side + x) * 3]); };
  for (const int x : {8, 24, 40, 56}) CHECK(at(lit, 48, x) / at(lit, 16, x) == doctest::Approx(0.5).epsilon(0.03));
  CHECK(at(lit, 16, 8) > 1.3 * at(lit, 16, 24));                            // a ridge beside a fold
  const Image again = lit_as(lit, garment, share);                          // what is there is not added once more
  CHECK(at(again, 16, 8) / at(again, 16, 24) < 1.3 * at(lit, 16, 8) / at(lit, 16, 24));
  std::fill(share.begin(), share.end(), 0.0f);
  CHECK(lit_as(cloth, garment, share).pixels == cloth.pixels);

  TransferJob job = small_job();                                            // and a transfer asks for it
  job.options.keep_shading = true, job.options.strength = 0.3;
  const Image shaded = transfer(cpu(), job);
  job.lit = job.content;
  CHECK(transfer(cpu(), job).pixels != shaded.pixels);
}

TEST_CASE("pictures of one pixel, one colour, grey, and long and thin, as styles") {
  TransferJob job = small_job();
  for (const Image& style : {flat(1, 1, 77), flat(20, 20, 128, 1), flat(3, 400, 9), with_channels(stripes(40, 40), 1)}) {
    job.styles = {{style}};
    CHECK(transfer(cpu(), job).pixels != job.content.pixels);
  }
  job = small_job();
  job.content = flat(32, 32, 90);
  CHECK(transfer(cpu(), job).height == 32);
  job.content = with_channels(rings(40, 40), 1);
  CHECK(transfer(cpu(), job).channels == 3);
}

TEST_CASE("COCO: polygons are filled even-odd, holes included; run lengths as numbers and packed; by id and by category") {
  const testing::TemporaryFolder folder;
  const std::filesystem::path file = folder.path / "instances.json";
  std::ofstream(file) << R"({"images": [{"id": 7, "file_name": "a/dress.jpg", "height": 6, "width": 8}, {"id": 8, "file_name": "b.jpg", "height": 6, "width": 8}],
    "categories": [{"id": 1, "name": "dress"}, {"id": 2, "name": "belt"}],
    "annotations": [{"id": 11, "image_id": 7, "category_id": 1, "segmentation": [[1, 1, 7, 1, 7, 5, 1, 5, 1, 1, 3, 2, 3, 4, 5, 4, 5, 2, 3, 2]]},
                    {"id": 12, "image_id": 7, "category_id": 2, "segmentation": {"size": [6, 8], "counts": [0, 6, 42]}},
                    {"id": 13, "image_id": 8, "category_id": 2, "segmentation": {"size": [6, 8], "counts": "06n0LUO5"}}]})";
  const auto rows = [](const Image& mask) {
    std::string text;
    for (size_t i = 0; i < mask.pixels.size(); ++i) text += std::string(i && i % size_t(mask.width) == 0 ? "/" : "") + (mask.pixels[i] ? "#" : ".");
    return text;
  };
  CHECK(rows(coco_mask(file, "11", "dress.jpg")) == "......../.######./.##..##./.##..##./.######./........");
  CHECK(rows(coco_mask(file, "belt", "dress.jpg")) == "#......./#......./#......./#......./#......./#.......");
  CHECK(rows(coco_mask(file, "", "dress.jpg")) == "#......./#######./###..##./###..##./#######./#.......");
  CHECK(rows(coco_mask(file, "", "b.jpg")) == "#.....##/#.....##/#......#/#......#/#......#/#.....##");
  CHECK_THROWS_WITH_AS(coco_mask(file, "hat", "dress.jpg"), doctest::Contains("11 (dress), 12 (belt)"), DataError);
  CHECK_THROWS_WITH_AS(coco_mask(file, "", "shoe.jpg"), doctest::Contains("shoe.jpg"), DataError);
  CHECK_THROWS_AS(coco_mask(folder.path / "none.json", "", ""), DataError);
  std::ofstream(file) << "[1, 2";
  CHECK_THROWS_WITH_AS(coco_mask(file, "", ""), doctest::Contains("not COCO"), FormatError);
}
