#include "cases.h"

namespace weft::testing {
namespace {

/// Random numbers have one right answer, normals too: philox.h uses operations that round alike everywhere.
void add_random(std::vector<Case>& cases) {
  const char* names[] = {"bits", "uniform", "normal"};
  for (RandomKind kind : {RandomKind::bits, RandomKind::uniform, RandomKind::normal})
    for (const int64_t n : {1, 4, 37, 1031})
      for (const uint64_t step : {uint64_t(0), (uint64_t(7) << 32) + 5}) {
        StepState state;
        state.step = step;
        Case c{"random", std::string(names[int(kind)]) + ", " + std::to_string(n) + " of step " + std::to_string(step), Rule::exact,
               {bytes_of(state)}, {kind == RandomKind::bits ? unwritten_indices(n) : unwritten(n)}};
        c.run = [kind, n](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
          ops.random(queue, kind, 0x0123456789abcdefull, static_cast<const StepState*>(in[0]), n, out[0]);
        };
        cases.push_back(std::move(c));
      }
}

struct Recipe {
  const char* name;
  OptimizerSettings settings;
  bool keeps_m, keeps_v;
};
const Recipe recipes[] = {
    {"sgd", {OptimizerKind::sgd, 0, 0, 0, 0, false, 1}, false, false},
    {"sgd, decay", {OptimizerKind::sgd, 0, 0, 0, 0.125, false, 0.5}, false, false},
    {"sgd, momentum", {OptimizerKind::sgd, 0.875, 0, 0, 0.125, false, 1}, true, false},
    {"sgd, nesterov", {OptimizerKind::sgd, 0.875, 0, 0, 0.125, true, 1}, true, false},
    {"adam", {OptimizerKind::adam, 0.5, 0.999, 1e-8, 0, false, 1}, true, true},
    {"adam, decay", {OptimizerKind::adam, 0.9, 0.99, 1e-3, 0.125, false, 0.25}, true, true},
    {"adam without momentum", {OptimizerKind::adam, 0, 0.9, 1e-8, 0, false, 1}, true, true},
    {"adamw", {OptimizerKind::adamw, 0.9, 0.999, 1e-8, 0.125, false, 1}, true, true},
    {"rmsprop", {OptimizerKind::rmsprop, 0, 0.99, 1e-8, 0.125, false, 1}, false, true},
    {"rmsprop, momentum", {OptimizerKind::rmsprop, 0.875, 0.99, 1e-3, 0, false, 1}, true, true},
};

/// Parameter, m and v are written over, so they are outputs that hold something before.
Case optimizer_case(const Recipe& recipe, int64_t n, bool scaled, double skip) {
  Numbers numbers(false);
  StepState state;
  state.step = 11;
  state.update[2] = {0.03125, 0.75, 0.0625};
  const auto kept = [](bool yes, std::vector<double> values) { return yes ? scalars(std::move(values)) : nothing(); };
  Case c{"optimizer_step", std::string(recipe.name) + ", " + std::to_string(n) + (scaled ? ", clipped" : "") + (skip != 0 ? ", skipped" : ""),
         skip != 0 ? Rule::exact : Rule::rounded,
         {bytes_of(state), scalars(numbers(n)), scaled ? scalars({0.625}) : nothing(), scalars({skip})},
         {scalars(numbers(n)), kept(recipe.keeps_m, numbers(n)), kept(recipe.keeps_v, numbers.positive(n))}};
  c.run = [settings = recipe.settings, n, scaled](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    const OptimizerArenas arenas{out[0], in[1], out[1], out[2], n, in[2], scaled ? in[3] : nullptr};
    ops.optimizer_step(queue, settings, arenas, static_cast<const StepState*>(in[0]), 2);
  };
  return c;
}

}  // namespace

void add_step_cases(std::vector<Case>& cases) {
  add_random(cases);
  for (const Recipe& recipe : recipes) {
    cases.push_back(optimizer_case(recipe, 61, false, 0));
    cases.push_back(optimizer_case(recipe, 1027, true, 0));
    cases.push_back(optimizer_case(recipe, 61, true, 1));
  }
}

}  // namespace weft::testing
