// What a run is asked for by its settings arrives in it: two runs of four steps that differ in one setting end with other bits.
#include <doctest/doctest.h>

#include <functional>
#include <map>

#include "../temporary_folder.h"
#include "weft/gan/trainer.h"

using namespace weft;

namespace {

using S = gan::TrainSettings;

/// The hash of what four steps of a small run make.
std::string run_of(const std::function<void(S&)>& change) {
  const testing::TemporaryFolder folder;
  gan::TrainRequest r;
  S& s = r.settings;
  s.data = "swatches", s.out = (folder.path / "run").string(), s.size = 16, s.width = 2, s.latent = 3, s.batch = 4, s.steps = 4, s.device = "cpu", s.threads = 1, s.samples = 1;
  s.samples_every = 0, s.checkpoint_every = 0;
  change(s);
  return gan::train(r, {}).parameters_sha256;
}

}  // namespace

TEST_CASE("each setting alone makes another run") {
  const auto linear = [](S& s) { s.schedule = "linear"; };
  const auto r1 = [](S& s) { s.penalty = "r1", s.d_norm = "none"; };
  const auto turned = [](S& s) { s.rotation = 40, s.flip = true; };
  const auto ada = [](S& s) { s.shown = "ada", s.shown_kimg = 0.02, s.shown_interval = 1, s.d_norm = "none"; };
  const std::vector<std::pair<const char*, std::function<void(S&)>>> all = {
      {"plain", [](S&) {}}, {"clip", [](S& s) { s.clip_norm = 1e-3; }}, {"decay", [](S& s) { s.decay = 0.1; }}, {"adamw", [](S& s) { s.decay = 0.1, s.optimizer = "adamw"; }},
      {"rate_g", [](S& s) { s.learning_rate_g = 1e-3; }}, {"rate_d", [](S& s) { s.learning_rate_d = 1e-3; }}, {"beta1", [](S& s) { s.beta1 = 0.9; }}, {"beta2", [](S& s) { s.beta2 = 0.9; }},
      {"epsilon", [](S& s) { s.epsilon = 0.1; }}, {"g-first", [](S& s) { s.order = "g-first"; }}, {"simultaneous", [](S& s) { s.order = "simultaneous"; }},
      {"xavier", [](S& s) { s.init = "xavier"; }}, {"kaiming", [](S& s) { s.init = "kaiming"; }}, {"linear", linear},
      {"warm_up", [&](S& s) { linear(s), s.warm_up = 3; }}, {"hold", [&](S& s) { linear(s), s.hold = 0.5; }}, {"final_g", [&](S& s) { linear(s), s.final_g = 0.5; }}, {"final_d", [&](S& s) { linear(s), s.final_d = 0.5; }},
      {"r1", r1}, {"every", [&](S& s) { r1(s), s.penalty_every = 2; }}, {"end", [&](S& s) { r1(s), s.penalty_end = 0.1; }}, {"anneal", [&](S& s) { r1(s), s.penalty_end = 0.1, s.penalty_anneal = 0.5; }},
      {"seeking", [](S& s) { s.mode_seeking = 1; }}, {"smoothing", [](S& s) { s.label_smoothing = 0.2; }}, {"packing", [](S& s) { s.packing = 2; }}, {"d_width", [](S& s) { s.d_width = 3; }},
      {"mbstd", [](S& s) { s.minibatch_std = 2; }}, {"ada", ada}, {"ada_p", [&](S& s) { ada(s), s.shown_p = 0.5; }}, {"ada_target", [&](S& s) { ada(s), s.shown_target = -1; }}, {"kimg", [&](S& s) { ada(s), s.shown_kimg = 0.04; }},
      {"crop", [](S& s) { s.crop = 0.5; }}, {"shift", [](S& s) { s.shift = 0.5; }}, {"shear", [](S& s) { s.shear = 0.5; }}, {"jitter", [](S& s) { s.jitter = 0.5; }},
      {"turned", turned}, {"reflect", [&](S& s) { turned(s), s.fill = "reflect"; }}, {"white", [&](S& s) { turned(s), s.fill = "constant"; }}, {"black", [&](S& s) { turned(s), s.fill = "constant", s.fill_value = 0; }},
      {"most", [](S& s) { s.most = 100; }}};
  std::map<std::string, std::string> seen;
  for (const auto& [name, change] : all) {
    const auto [before, is_new] = seen.emplace(run_of(change), name);
    if (!is_new) FAIL_CHECK(std::string(name) << " makes the run that " << before->second << " makes");
  }
}

TEST_CASE("each network has its own learning rate and its own end of it") {
  const auto still = [](S& s) { s.model = "mlp", s.data = "ring8", s.size = 1, s.width = 4, s.latent = 2, s.init = "kaiming", s.schedule = "linear", s.learning_rate_g = 0; };
  const std::string plain = run_of(still);
  CHECK(run_of([&](S& s) { still(s), s.final_g = 0.5; }) == plain);
  CHECK(run_of([&](S& s) { still(s), s.final_d = 0.5; }) != plain);
  CHECK(run_of([&](S& s) { still(s), s.objective = "rpgan"; }) != plain);        // the discriminator moves
  CHECK(run_of([&](S& s) { still(s), s.mode_seeking = 3; }) == plain);           // and the generator does not
}
