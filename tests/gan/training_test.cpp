// Settings of a run that stand for others, or that are alike enough to be mistaken for each other.
#include <doctest/doctest.h>

#include <cmath>

#include "../temporary_folder.h"
#include "gan/training.h"

using namespace weft;

namespace {

gan::TrainSettings small(const std::string& data) {
  gan::TrainSettings s;
  s.data = data, s.size = 16, s.width = 2, s.latent = 3, s.batch = 4, s.steps = 1, s.device = "cpu", s.threads = 1;
  return s;
}

}  // namespace

TEST_CASE("a shear leaves level stripes as they are, and a shift moves them") {
  const testing::TemporaryFolder folder;
  gan::Image stripes{16, 16, 3, {}};
  for (int i = 0; i < 16 * 16 * 3; ++i) stripes.pixels.push_back(uint8_t(i / 48 * 15));
  for (const char* name : {"a.png", "b.png", "c.png", "d.png"}) write_png(folder.path / name, stripes);
  const auto moved = [&](double gan::TrainSettings::*how) {
    gan::TrainSettings s = small(folder.path.string());
    s.*how = 0.5;
    gan::Training t(s, {});
    t.step();
    const Tensor rows = t.context.from(std::vector<double>{-120, -105, -90, -75, -60, -45, -30, -15, 0, 15, 30, 45, 60, 75, 90, 105}, {1, 16, 1, 1});
    return mean(abs(t.batch()[0] * 127.5 + 7.5 - rows)).item();
  };
  CHECK(moved(&gan::TrainSettings::shear) < 0.1);
  CHECK(moved(&gan::TrainSettings::shift) > 5);
}

TEST_CASE("an average's half-life in pictures counts those of all of a step's discriminator updates") {
  gan::TrainSettings s = small("swatches");
  s.ema_half_life = 60, s.d_steps = 3;
  CHECK(gan::Training(s, {}).options.ema == doctest::Approx(std::exp2(-4.0 * 3 / 60)));
}
