// A step of work that is recorded once and then repeated by the device alone.
#include "weft/tensor/capture.h"

#include <cstdio>
#include <utility>

#include "state.h"

namespace weft {
namespace detail {

void ContextState::expect_no_capture(const char* what) const {
  if (capturing)
    throw Error(std::string(what) + " inside a captured step, which the device repeats without the host: " +
                "read results after the step, and write inputs before it into tensors that stay");
}

void ContextState::copy(void* dst, const void* src, size_t bytes, CopyDirection direction) {
  expect_no_capture(direction == CopyDirection::to_host ? "a value is read back" : "a value comes from the host");
  device().copy(*queue, dst, src, bytes, direction);
}

SetAside::SetAside(ContextState& state) : state_(state), needed_(state.capturing) { if (needed_) set(true); }
SetAside::~SetAside() {
  try {
    if (needed_) set(false);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weft: beside a capture: %s\n", e.what());
  }
}
void SetAside::set(bool on) {
  state_.capturing = !on;
  state_.allocator->swap_aside();
  if (state_.device().set_aside) state_.device().set_aside(*state_.queue, on);
}

}  // namespace detail

struct Captured::Impl {
  std::shared_ptr<detail::ContextState> state;
  std::function<void()> step;             // where the device cannot record: called anew
  std::unique_ptr<Graph> graph;
  detail::Pool pool;
  std::map<std::shared_ptr<Storage>, detail::CopyUse> copies;
  std::map<std::string, uint64_t> launches;
  uint64_t flops = 0;
  size_t above = 0;                       // the most that the step's own tensors held at once, in bytes

  ~Impl() {
    try {
      state->device().synchronise(*state->queue);   // the last replay may still be under way
    } catch (const std::exception& e) {
      std::fprintf(stderr, "weft: at the end of a captured step: %s\n", e.what());
    }
    graph.reset();
    state->allocator->dissolve(pool);
  }

  void record() {
    detail::ContextState& s = *state;
    const auto launches_before = s.queue->launches;
    const uint64_t flops_before = s.flops;
    const size_t live = s.allocator->live, peak = s.allocator->peak;
    s.device().synchronise(*s.queue);     // what is done beside a capture relies on an idle queue
    ++s.replays;                          // layouts derived from weights before are derived anew, by the graph as well
    s.device().capture_begin(*s.queue);
    s.allocator->open(pool);
    s.allocator->peak = live;
    try {
      s.capturing = true;
      step();
    } catch (...) {
      try {
        end();
      } catch (const Error&) {}           // the first trouble is the one to tell
      s.allocator->peak = peak, s.queue->launches = launches_before, s.flops = flops_before;   // nothing has been done
      throw;
    }
    end();
    above = s.allocator->peak - live;
    s.allocator->peak = peak;
    launches = std::exchange(s.queue->launches, launches_before);
    for (const auto& [name, count] : launches_before) launches[name] -= count;
    flops = std::exchange(s.flops, flops_before) - flops_before;
    step = nullptr;
  }

  void end() {
    state->capturing = false;
    copies.swap(state->copies);
    for (auto& [weight, use] : copies) std::swap(weight->bf16_valid, use.valid);   // nothing has been done yet
    state->allocator->close();
    graph = state->device().capture_end(*state->queue);
  }
};

void Captured::replay() const {
  detail::ContextState& s = *impl_->state;
  s.expect_no_capture("a captured step");
  if (!impl_->graph) {
    struct Scope {
      bool& on;
      ~Scope() { on = false; }
    } scope{s.capturing = true};
    return impl_->step();
  }
  for (const auto& [weight, use] : impl_->copies) if (use.reads) weight->refresh();
  s.device().replay(*s.queue, *impl_->graph);
  for (const auto& [weight, use] : impl_->copies) weight->bf16_valid = use.valid;
  ++s.replays;
  for (const auto& [name, count] : impl_->launches) s.queue->launches[name] += count;
  s.flops += impl_->flops;
  s.allocator->peak = std::max(s.allocator->peak, s.allocator->live + impl_->above);
}

Captured Context::capture(const std::function<void()>& step) const {
  state_->expect_no_capture("another capture");
  Captured captured;
  captured.impl_ = std::make_shared<Captured::Impl>();
  captured.impl_->state = state_;
  captured.impl_->step = step;
  if (state_->device().capture_begin && !state_->queue->sync) captured.impl_->record();
  return captured;
}

}  // namespace weft
