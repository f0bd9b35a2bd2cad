// The figure of docs/gan-internals.md: what the discriminator thinks of the plane at some steps of a run, side by side, from what the run left.
//   bench_landscape_figure RUN/landscape.html OUT.png STEP...
// Colour: the logit, from blue to orange where points are taken for real. Arrows: its gradient, along which made points are drawn. Grey: the
// data; dark blue: what the generator makes.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "weft/gan/sheet.h"
#include "weft/kernels/error.h"

using namespace weft;
using Json = nlohmann::json;

namespace {

constexpr int kSide = 320;

struct Colour { double rgb[3]; };

void mix(gan::Image& image, int x, int y, const Colour& colour, double share) {
  if (x < 0 || y < 0 || x >= image.width || y >= image.height) return;
  for (size_t k = 0; k < 3; ++k) {
    uint8_t& value = image.pixels[3 * (size_t(y) * size_t(image.width) + size_t(x)) + k];
    value = uint8_t(std::lround(value + share * (colour.rgb[k] - value)));
  }
}

void disc(gan::Image& image, double x, double y, double radius, const Colour& colour, double opacity) {
  for (int row = int(y - radius - 1); row <= int(y + radius + 1); ++row)
    for (int column = int(x - radius - 1); column <= int(x + radius + 1); ++column)
      mix(image, column, row, colour, opacity * std::clamp(radius + 0.5 - std::hypot(column + 0.5 - x, row + 0.5 - y), 0.0, 1.0));
}

void line(gan::Image& image, double x0, double y0, double x1, double y1) {
  const int steps = int(2 * std::hypot(x1 - x0, y1 - y0)) + 1;
  for (int i = 0; i <= steps; ++i) disc(image, x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps, 0.3, {{0, 0, 0}}, 0.35);
}

Colour heat(double t) {
  const auto between = [&](double a, double b, double c) { return t < 0.5 ? a + (b - a) * 2 * t : b + (c - b) * (2 * t - 1); };
  return {{between(70, 255, 225), between(105, 255, 120), between(180, 255, 60)}};
}

void points(gan::Image& image, const Json& places, double radius, const Colour& colour, double opacity) {
  for (size_t i = 0; i + 1 < places.size(); i += 2)
    disc(image, places[i].get<double>() / 65535 * kSide, places[i + 1].get<double>() / 65535 * kSide, radius, colour, opacity);
}

gan::Image picture(const Json& all, const Json& frame) {
  gan::Image image{kSide, kSide, 3, std::vector<uint8_t>(size_t(kSide) * kSide * 3, 255)};
  const Json& view = frame.at("views").at(0);
  const int cells = all.at("cells"), arrows = all.at("arrows");
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) mix(image, x, y, heat(view.at("logit").at(size_t(y * cells / kSide * cells + x * cells / kSide)).get<double>() / 255), 1);
  points(image, all.at("real"), 2.2, {{90, 90, 90}}, 0.35);
  points(image, frame.at("made"), 1.2, {{10, 40, 170}}, 0.6);
  const double cell = double(kSide) / arrows;
  for (int i = 0; i < arrows * arrows; ++i) {
    const double dx = view.at("arrows").at(size_t(2 * i)).get<double>(), dy = -view.at("arrows").at(size_t(2 * i + 1)).get<double>(), length = std::hypot(dx, dy);
    if (length < 2) continue;
    const double x = (i % arrows + 0.5) * cell, y = (i / arrows + 0.5) * cell, r = cell * (0.12 + 0.33 * std::sqrt(length / 100)), ux = dx / length, uy = dy / length;
    const double tip_x = x + r * ux, tip_y = y + r * uy;
    line(image, x - r * ux, y - r * uy, tip_x, tip_y);
    for (const int side : {-1, 1}) line(image, tip_x, tip_y, tip_x - 4 * ux + side * 2.5 * uy, tip_y - 4 * uy - side * 2.5 * ux);
  }
  return image;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: bench_landscape_figure RUN/landscape.html OUT.png STEP...\n"), 2;
  try {
    std::ifstream in(argv[1]);
    std::stringstream page;
    page << in.rdbuf();
    const std::string text = page.str(), opens = "id=frames>";
    const size_t begin = text.find(opens), end = text.find("</script>", begin);
    if (begin == std::string::npos || end == std::string::npos) throw DataError(std::string(argv[1]) + " is no page of `weft train mlp`: it holds no frames");
    const Json all = Json::parse(text.substr(begin + opens.size(), end - begin - opens.size()));
    std::vector<gan::Image> pictures;
    std::vector<std::string> captions;
    for (int i = 3; i < argc; ++i) {
      for (const Json& frame : all.at("frames"))
        if (frame.at("step") == std::stoll(argv[i])) pictures.push_back(picture(all, frame)), captions.push_back(std::string("step ") + argv[i]);
      if (captions.size() != size_t(i - 2)) throw DataError(std::string("there is no frame of step ") + argv[i]);
    }
    gan::write_png(argv[2], gan::contact_sheet(pictures, int(pictures.size()), captions));
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "%s\n", e.what()), 1;
  }
}
