#include "weft/tensor/context.h"

#include <cstdio>
#include <cstring>
#include <iterator>

#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {
namespace detail {

ContextState::~ContextState() {
  constants.clear();
  tables.clear();
  if (step_on_device) device().release(*queue, step_on_device, sizeof(StepState));
  allocator.reset();   // before the queue it works through
}

Context common_context(const char* op, std::initializer_list<const Tensor*> tensors, bool numbers) {
  const Tensor* first = nullptr;
  for (const Tensor* t : tensors) {
    if (!*t) continue;
    if (!first) first = t;
    if (!(t->context() == first->context()))
      throw DeviceError(std::string(op) + ": tensors of two contexts (" + first->context().device() + " and " + t->context().device() +
                        "); copy one through the host");
    if (numbers && t->dtype() == DType::i32) throw ShapeError(std::string(op) + ": an index tensor of shape " + t->shape().text() + " where numbers are wanted");
  }
  if (!first) throw Error(std::string(op) + ": no tensor given");
  return first->context();
}

}  // namespace detail

Context Context::open(const std::string& device, const ContextOptions& options) {
  const Backend* found = nullptr;
  const bool by_vendor = options.kernels == Kernels::vendor;
  if (device == "auto" && !by_vendor) {
    for (const char* name : {"cuda", "cpu"}) {
      const Backend* b = find_backend(name, options.scalar);
      if (b && !found && (!b->device->unavailable || b->device->unavailable().empty())) found = b;
    }
    if (!found) found = find_backend("reference", options.scalar);
  } else {
    found = find_backend(device == "auto" ? "cuda" : device, options.scalar, options.kernels);
    const std::string why = found && found->device->unavailable ? found->device->unavailable() : "";
    if (!found || !why.empty())
      throw DeviceError("device '" + device + "' with " + name_of(options.scalar) + (by_vendor ? " and the vendor's kernels" : "") + (found ? " cannot be used: " + why : by_vendor ? " do not go together: those are cuda's" : " is not in this build") +
                        "\nwhat there is:\n" + list_backends());
  }
  if (options.precision != Precision::fp32 && found->device->name != std::string("cuda") && found->device->name != std::string("sim"))
    throw DeviceError(std::string("device '") + found->device->name + "' computes in fp32; the other precisions are cuda's and sim's");
  auto state = std::make_shared<detail::ContextState>();
  state->backend = found;
  state->scalar = options.scalar;
  state->bf16 = options.precision == Precision::bf16 && !by_vendor;
  state->queue.reset(found->device->open({options.threads, 0, options.precision, options.sync}));
  state->allocator = std::make_unique<detail::Allocator>(*found->device, *state->queue);
  state->allocator->limit = options.memory_limit;
  state->step_on_device = found->device->allocate(*state->queue, sizeof(StepState));
  Context context(state);
  context.publish_step_state();
  return context;
}

DType Context::scalar() const { return state_->scalar; }
const char* Context::device() const { return state_->device().name; }
std::string Context::describe() const { return state_->device().describe(*state_->queue); }
void Context::synchronise() const {
  state_->expect_no_capture("synchronise()");
  state_->device().synchronise(*state_->queue);
}
size_t Context::live_bytes() const { return state_->allocator->live; }
size_t Context::peak_bytes() const { return state_->allocator->peak; }
size_t Context::most_bytes() const {
  const detail::Allocator& a = *state_->allocator;
  const auto memory = state_->device().memory;
  const size_t there = memory ? a.held + memory(*state_->queue).free : 0;
  return a.limit && there ? std::min(a.limit, there) : std::max(a.limit, there);
}
void Context::reset_peak() const { state_->allocator->peak = state_->allocator->live; }
const std::map<std::string, uint64_t>& Context::launches() const { return state_->queue->launches; }
uint64_t Context::flops() const { return state_->flops; }
bool Context::recording() const { return state_->recording; }

Context::Recording::Recording(const Context& context, bool on) : state_(context.state_), before_(state_->recording) {
  state_->recording = on;
}
Context::Recording::~Recording() { state_->recording = before_; }

Range::Range(const Context& context, const char* name) : Range(context.state().device(), name) {
  if (!context.state().watch) return;
  told_ = &context.state();
  told_->watch->phase_begins(name);
}
void Range::tell_end() const { if (told_->watch) told_->watch->phase_ends(); }

Tensor Context::empty(const Shape& shape) const { return empty(shape, scalar()); }
Tensor Context::empty_index(const Shape& shape) const { return empty(shape, DType::i32); }
Tensor Context::empty(const Shape& shape, DType type) const {
  if (type != scalar() && type != DType::i32 && !(type == DType::bf16 && state_->bf16))
    throw DeviceError(std::string("a tensor of ") + name_of(type) + " in a context of " + name_of(scalar()) +
                      "; bfloat16 takes precision bf16 and the own kernels of cuda or sim");
  return Tensor(std::make_shared<Storage>(state_, size_t(shape.count()) * size_of(type), shape), 0, shape, type);
}

Tensor Context::zeros(const Shape& shape) const { return zeros(shape, scalar()); }
Tensor Context::zeros(const Shape& shape, DType type) const {
  Tensor t = empty(shape, type);
  state_->device().fill_zero(*state_->queue, t.data(), t.storage()->bytes);
  return t;
}

Tensor Context::full(const Shape& shape, double value) const {
  Tensor t = zeros(shape);
  PointwiseProblem problem{1, {shape.count()}, {{1}}, -0.0, value};   // -0 * 0 + value is value, also where that is -0
  if (t.count() > 0) WEFT_OP(*state_, pointwise)(*state_->queue, PointwiseKind::affine, problem, t.data(), nullptr, nullptr, t.data());
  return t;
}

Tensor Context::constant(double value) const {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  Tensor& kept = state_->constants[bits];
  if (!kept) {
    const detail::SetAside scope(*state_);
    kept = full({}, value);
    // The context must not own itself: a constant's storage refers back to it without keeping it alive.
    kept.storage()->context = std::shared_ptr<detail::ContextState>(std::shared_ptr<void>(), state_.get());
  }
  // What is handed out keeps both alive.
  struct Owner { std::shared_ptr<detail::ContextState> context; std::shared_ptr<Storage> storage; };
  auto owner = std::make_shared<Owner>(Owner{state_, kept.storage()});
  return Tensor(std::shared_ptr<Storage>(owner, kept.storage().get()), 0, {}, scalar());
}

namespace {
void check_count(size_t values, const Shape& shape) {
  if (int64_t(values) != shape.count())
    throw ShapeError(std::to_string(values) + " values for a tensor of shape " + shape.text());
}
}  // namespace

Tensor Context::from(const std::vector<double>& values, const Shape& shape) const {
  check_count(values.size(), shape);
  Tensor t = empty(shape);
  t.write(values);
  return t;
}

Tensor Context::from(const std::vector<float>& values, const Shape& shape) const {
  check_count(values.size(), shape);
  Tensor t = empty(shape);
  t.write(values.data());
  return t;
}

Tensor Context::index(const std::vector<int32_t>& values, const Shape& shape) const {
  check_count(values.size(), shape);
  Tensor t = empty_index(shape);
  state_->copy(t.data(), values.data(), t.storage()->bytes, CopyDirection::to_device);
  return t;
}

Tensor Context::uniform(const Shape& shape, uint64_t stream) const {
  Tensor t = empty(shape);
  WEFT_OP(*state_, random)(*state_->queue, RandomKind::uniform, stream, static_cast<StepState*>(state_->step_on_device), t.count(), t.data());
  detail::made("uniform", t, {});
  return t;
}

Tensor Context::normal(const Shape& shape, uint64_t stream) const {
  Tensor t = empty(shape);
  WEFT_OP(*state_, random)(*state_->queue, RandomKind::normal, stream, static_cast<StepState*>(state_->step_on_device), t.count(), t.data());
  detail::made("normal", t, {});
  return t;
}

void optimizer_step(const OptimizerSettings& settings, const Update& u, int slot) {
  const Context context = detail::common_context("optimizer_step", {&u.values, &u.gradients, &u.m, &u.v, &u.scale, &u.skip});
  detail::ContextState& s = context.state();
  if (slot < 0 || size_t(slot) >= std::size(s.step.update)) throw ConfigError("optimizer_step: the step state has updates 0 to 3, one a network, and no " + std::to_string(slot));
  if (std::memcmp(&s.step.update[slot], &s.published.update[slot], sizeof(StepState::Update)) != 0)
    throw Error("optimizer_step: learning rate or bias correction " + std::to_string(slot) + " was changed, and the device not told; call publish_step_state() before, as after prepare()");
  auto address = [](const Tensor& t) { return t ? t.data() : nullptr; };
  Storage& weights = *u.values.storage();
  auto* copy = static_cast<char*>(const_cast<void*>(weights.rounded()));   // valid also outside of this range
  WEFT_OP(s, optimizer_step)(*s.queue, settings,
                             {u.values.data(), u.gradients.data(), address(u.m), address(u.v), u.values.count(), address(u.scale), address(u.skip),
                              copy ? copy + u.values.offset() * size_of(DType::bf16) : nullptr},
                             static_cast<StepState*>(s.step_on_device), slot);
  if (s.watch) s.watch->made("optimizer_step", u.values, {});
  for (const Tensor* t : {&u.values, &u.m, &u.v}) if (*t) t->storage()->wrote("optimizer_step");
  weights.bf16_valid = copy;
}

StepState& Context::step_state() const { return state_->step; }
void Context::publish_step_state() const {
  state_->copy(state_->step_on_device, &state_->step, sizeof(StepState), CopyDirection::to_device);
  state_->published = state_->step;
}

Context::AtStep::AtStep(const Context& context, uint64_t step) : state_(context.state_), before_(state_->step) {
  state_->step.step = step;
  context.publish_step_state();
}
Context::AtStep::~AtStep() {
  state_->step = before_;
  try {
    Context(state_).publish_step_state();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weft: while going back to the step before: %s\n", e.what());
  }
}

}  // namespace weft
