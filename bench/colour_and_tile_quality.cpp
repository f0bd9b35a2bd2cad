// How good recolouring and repeats are, over folders of pictures:
//   bench_colour_and_tile_quality PATTERNS [PHOTOS PAINTINGS]
// Twenty patterns, evenly over the folder but for drawings in flat colours, become swatches whose edges do not meet: of one that tiles, one and a half repeats each
// way from an odd corner, as a photograph of cloth would show it; of others the middle seven eighths. Each is made a tile in three
// layouts. A tile passes if its seam score is within 0.8 to 1.1 and the patches along the seam are no farther from the swatch's
// than those of the worst strip in the tile. Then every photograph (of 10) in the colours of every painting (of 19), by each method.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <vector>

#include "weft/gan/colour.h"
#include "weft/gan/measures.h"
#include "weft/gan/tile.h"

using namespace weft;
using namespace weft::gan;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> files_in(const char* folder) {
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(folder)) all.push_back(entry.path());
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<fs::path> evenly(const std::vector<fs::path>& all, size_t count) {
  std::vector<fs::path> some;
  for (size_t i = 0; i < std::min(count, all.size()); ++i) some.push_back(all[i * all.size() / std::min(count, all.size())]);
  return some;
}

/// Most neighbours are equal: a step across the seam has then no usual size to be compared with.
bool is_flat_drawing(const Image& image) {
  int64_t equal = 0, all = 0;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x + 1 < image.width; ++x, ++all) {
      const uint8_t* p = &image.pixels[size_t((y * image.width + x) * 3)];
      equal += std::equal(p, p + 3, p + 3);
    }
  return 2 * equal > all;
}

Image at_most(Image image, int side) {
  const double scale = std::min(1.0, double(side) / std::max(image.height, image.width));
  return with_channels(resized(image, std::max(1, int(image.height * scale)), std::max(1, int(image.width * scale))), 3);
}

Image swatch_of(const Image& pattern) {
  if (seam_score(pattern) < 1.25) return cloth(pattern, Layout::straight, 5, 9, pattern.height * 3 / 2, pattern.width * 3 / 2);
  return centre_crop(pattern, pattern.height * 7 / 8, pattern.width * 7 / 8);
}

double processor_seconds() { return double(std::clock()) / CLOCKS_PER_SEC; }

void tiles(const Context& cpu, const char* folder) {
  const char* names[] = {"straight", "half-drop", "brick"};
  int passed[3] = {};
  std::vector<fs::path> all = files_in(folder);
  const size_t before = all.size();
  all.erase(std::remove_if(all.begin(), all.end(), [](const fs::path& file) { return is_flat_drawing(at_most(read_image(file), 192)); }), all.end());
  for (const fs::path& file : evenly(all, 20)) {
    const Image swatch = swatch_of(at_most(read_image(file), 192));
    for (int layout = 0; layout < 3; ++layout) {
      const double start = processor_seconds();
      const Tile tile = make_tile(cpu, swatch, Layout(layout));
      const double seconds = processor_seconds() - start, score = seam_score(tile.image, Layout(layout));
      const SeamPatches p = seam_patches(cpu, tile.image, Layout(layout), swatch);
      const bool pass = score >= 0.8 && score <= 1.1 && p.seam <= p.worst;
      passed[layout] += pass;
      std::printf("%-48s %-9s %-6s %3dx%-3d -> %3dx%-3d  seam score %5.2f (swatch %5.2f)  patches seam %.4f middle %.4f worst %.4f  %.2f CPU-s  %s\n", file.filename().c_str(), names[layout],
                  tile.how, swatch.width, swatch.height, tile.image.width, tile.image.height, score, seam_score(swatch, Layout(layout)), p.seam, p.middle, p.worst, seconds, pass ? "ok" : "-");
    }
  }
  std::printf("%zu drawings in flat colours left out; passed: straight %d, half-drop %d, brick %d of 20\n", before - all.size(), passed[0], passed[1], passed[2]);
}

void colours(const Context& cpu, const char* photos, const char* paintings) {
  const char* names[] = {"mkl", "reinhard", "sliced"};
  double sum[3] = {}, worst[3] = {};
  int halved[3] = {}, pairs = 0;
  for (const fs::path& photo : evenly(files_in(photos), 10))
    for (const fs::path& painting : evenly(files_in(paintings), 19)) {
      const Image picture = at_most(read_image(photo), 256), palette = at_most(read_image(painting), 256);
      const double before = colour_distance(cpu, {picture}, {palette});
      ++pairs;
      for (int m = 0; m < 3; ++m) {
        const double ratio = colour_distance(cpu, {recoloured(picture, palette, ColourMethod(m))}, {palette}) / before;
        sum[m] += ratio, worst[m] = std::max(worst[m], ratio), halved[m] += ratio <= 0.5;
      }
    }
  for (int m = 0; m < 3; ++m)
    std::printf("%-9s colour distance falls to %.2f of what it was in the mean, %.2f at worst; at least halved on %d of %d pairs\n", names[m], sum[m] / pairs, worst[m], halved[m], pairs);
}

}  // namespace

int main(int count, char** words) {
  if (count != 2 && count != 4) return std::fprintf(stderr, "usage: %s PATTERNS [PHOTOS PAINTINGS]\n", words[0]), 2;
  const Context cpu = Context::open("cpu");
  tiles(cpu, words[1]);
  if (count == 4) colours(cpu, words[2], words[3]);
}
