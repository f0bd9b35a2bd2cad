// What a translation is asked for by its settings arrives in its data, its networks and its losses.
#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "../temporary_folder.h"
#include "training.h"
#include "weft/gan/contest.h"

using namespace weft;

namespace {

using S = gan::TrainSettings;

/// Three pictures on each side, the same on both.
struct Sides {
  testing::TemporaryFolder folder;
  Sides() {
    for (const char* side : {"A", "B"})
      for (int i = 0; i < 3; ++i) {
        std::filesystem::create_directories(folder.path / side);
        gan::Image picture{64, 64, 3, {}};
        for (int k = 0; k < 64 * 64 * 3; ++k) picture.pixels.push_back(uint8_t(k / 3 % 64 * (i + 1) + k % 3 * 40 + k / 384 * 3));
        write_png(folder.path / side / (std::to_string(i) + ".png"), picture);
      }
  }
  gan::Training training(const char* model, const std::function<void(S&)>& change = {}) const {
    S s;
    s.model = model, s.data = folder.path.string(), s.size = 32, s.width = 2, s.blocks = 1, s.d_layers = 1, s.batch = 1, s.steps = 4, s.device = "cpu", s.threads = 1;
    if (change) change(s);
    return {s, {}};
  }
};

}  // namespace

TEST_CASE("each weight multiplies its own part of a translation's loss") {
  struct Weight { const char* part; double S::*weight; };
  const std::map<const char*, std::vector<Weight>> all = {
      {"restyle", {{"loss_gan", &S::adversarial}, {"loss_content", &S::content}, {"loss_style", &S::style}}},
      {"cyclegan", {{"loss_gan_ab", &S::adversarial}, {"loss_cycle_a", &S::cycle}, {"loss_identity_a", &S::identity}}},
      {"unit", {{"loss_cycle_a", &S::cycle}, {"loss_l1_a", &S::l1}, {"loss_kl_a", &S::kl}}},
      {"fastcut", {{"loss_gan", &S::adversarial}, {"loss_nce", &S::nce}}}};
  const Sides sides;
  for (const auto& each : all) {
    const auto& model = each.first;
    const auto& weights = each.second;
    const auto first_step = [&, &weights = weights](double more) {       // the weights 1 + more, 1 + 2 more, ...
      gan::Training t = sides.training(model, [&](S& s) {
        for (size_t i = 0; i < weights.size(); ++i) s.*weights[i].weight = 1 + double(i + 1) * more;
      });
      t.step();
      return t.contest->gauges();
    };
    const gan::Gauges plain = first_step(0), weighted = first_step(1);
    for (size_t i = 0; i < weights.size(); ++i) {
      CAPTURE(std::string(model) + ": " + weights[i].part);
      CHECK(plain[weights[i].part] != 0);
      CHECK(weighted[weights[i].part] == doctest::Approx(double(i + 2) * plain[weights[i].part]).epsilon(1e-5));
    }
  }
}

TEST_CASE("each setting of a translation alone makes another run") {
  const Sides sides;
  const auto run_of = [&](const char* model, const std::function<void(S&)>& change) {
    gan::Training t = sides.training(model, change);
    for (int i = 0; i < 4; ++i) t.step();
    return t.contest->parameters_sha256();
  };
  const std::vector<std::pair<const char*, std::function<void(S&)>>> all = {
      {"plain", [](S&) {}}, {"blocks", [](S& s) { s.blocks = 2; }}, {"upsampling", [](S& s) { s.upsampling = "nearest"; }}, {"noise", [](S& s) { s.noise = 2; }},
      {"d_layers", [](S& s) { s.d_layers = 2; }}, {"d_scales", [](S& s) { s.d_scales = 2; }}, {"pool", [](S& s) { s.pool = 1; }}};
  std::map<std::string, std::string> seen;
  for (const auto& [name, change] : all) {
    const auto [before, is_new] = seen.emplace(run_of("cyclegan", change), name);
    if (!is_new) FAIL_CHECK(std::string(name) << " makes the run that " << before->second << " makes");
  }
  const auto dropped = [&](double share) { return run_of("pix2pix", [&](S& s) { s.size = 64, s.blocks = 9, s.dropout = share; }); };
  CHECK(dropped(0) != dropped(0.5));
}

TEST_CASE("the two sides of a translation keep no company, and of styles as many crops are shown as asked for") {
  const Sides sides;
  gan::Training t = sides.training("cyclegan");
  int apart = 0;
  for (int i = 0; i < 6; ++i) {
    t.step();
    apart += t.batch()[0].floats() != t.batch()[1].floats();             // the same three pictures, shuffled
  }
  CHECK(apart > 0);

  gan::Training styles = sides.training("restyle", [](S& s) { s.style = 1, s.style_batch = 3; });
  styles.step();
  CHECK(styles.batch()[0].size(0) == 1);
  CHECK(styles.batch()[1].size(0) == 3);
}
