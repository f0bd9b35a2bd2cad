#include "weft/tensor/tensor.h"

#include <cstdio>
#include <cstring>

#include "state.h"
#include "weft/tensor/autograd.h"

namespace weft {

Storage::Storage(std::shared_ptr<detail::ContextState> owner, size_t size, const Shape& s)
    : context(std::move(owner)), data(context->allocator->allocate(size, this)), bytes(size), id(context->next_storage++), shape(s) {}

Storage::~Storage() {
  try {
    if (weight && context->ops().forget) context->ops().forget(*context->queue, id);
    context->allocator->release(data, bytes);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weft: while releasing memory: %s\n", e.what());
  }
}

void Storage::wrote(const char* operation) {
  in_captured_step(false);
  ++version, writer = operation;
  bf16_valid = false;
}

void Storage::keep_as_weight() {
  weight = true;
  if (context->bf16) bf16 = std::make_shared<Storage>(context, bytes / 2, shape);
}

const void* Storage::rounded() {
  if (!bf16) return nullptr;
  in_captured_step(true);
  refresh();
  return bf16->data;
}

void Storage::refresh() {
  const Shape all{int64_t(bytes / sizeof(float))};
  if (!bf16_valid) detail::convert(Tensor(shared_from_this(), 0, all, DType::f32), Tensor(bf16, 0, all, DType::bf16));
  bf16_valid = true;
}

void Storage::in_captured_step(bool reads_copy) {
  if (bf16 && context->capturing) context->copies.insert({shared_from_this(), {reads_copy, bf16_valid}});   // what was first counts
}

Tensor::Tensor(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype, std::shared_ptr<Node> node)
    : impl_(std::make_shared<Impl>(Impl{std::move(storage), offset, shape, dtype, std::move(node)})) {}

void Tensor::no_tensor(const char* by) {
  throw ShapeError(std::string(by) + ": an empty Tensor, where one with a shape and values is wanted; was it ever given any?");
}

Context Tensor::context(const char* by) const {
  const Impl& i = impl(by);
  return i.storage ? Context(i.storage->context->shared_from_this()) : i.node->context;
}

void* Tensor::data(const char* by) const {
  if (!impl(by).storage) throw Error("the values of this tensor were not saved, only its shape");
  return static_cast<char*>(impl_->storage->data) + impl_->offset * size_of(impl_->dtype);
}

Weight Tensor::as_weight() const {
  Storage& s = *impl_->storage;
  if (!s.weight) return {data(), 0, 0, 0};
  const auto* copy = static_cast<const char*>(s.rounded());
  return {data(), s.id, impl_->offset, s.version + s.context->replays, copy ? copy + impl_->offset * size_of(DType::bf16) : nullptr};
}

namespace {
/// bfloat16 on the host: the upper half of a float, to nearest, ties to even.
struct Bf16 {
  uint16_t bits = 0;
  Bf16() = default;
  explicit Bf16(double v) {
    const float f = float(v);
    uint32_t u;
    std::memcpy(&u, &f, 4);
    bits = f != f ? 0x7fff : uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
  }
  operator float() const {
    const uint32_t u = uint32_t(bits) << 16;
    float f;
    std::memcpy(&f, &u, 4);
    return f;
  }
};

template <class From, class To>
std::vector<To> download(const Tensor& t) {
  std::vector<From> raw(size_t(t.count()));
  const Context context = t.context();
  detail::ContextState& s = context.state();
  if (!raw.empty()) s.copy(raw.data(), t.data(), raw.size() * sizeof(From), CopyDirection::to_host);
  return std::vector<To>(raw.begin(), raw.end());
}
template <class To>
std::vector<To> download(const Tensor& t) {
  return t.dtype("values") == DType::f64   ? download<double, To>(t)
         : t.dtype() == DType::i32 ? download<int32_t, To>(t)
         : t.dtype() == DType::bf16 ? download<Bf16, To>(t)
                                   : download<float, To>(t);
}
template <class To, class From>
void upload(const Tensor& t, const From* values) {
  std::vector<To> raw(values, values + t.count());
  const Context context = t.context();
  detail::ContextState& s = context.state();
  s.copy(t.data(), raw.data(), raw.size() * sizeof(To), CopyDirection::to_device);
  s.device().synchronise(*s.queue);   // `raw` dies here
}
}  // namespace

std::vector<double> Tensor::values() const { return download<double>(*this); }
std::vector<float> Tensor::floats() const { return download<float>(*this); }

double Tensor::item() const {
  if (count() != 1) throw ShapeError("item() of a tensor of shape " + shape().text());
  return values()[0];
}

void Tensor::write(const float* values, const char* operation) const {
  storage()->wrote(operation);
  if (dtype() == DType::f64) return upload<double>(*this, values);
  if (dtype() == DType::i32) return upload<int32_t>(*this, values);
  if (dtype() == DType::bf16) return upload<Bf16>(*this, values);
  const Context c = context();
  c.state().copy(data(), values, size_t(count()) * sizeof(float), CopyDirection::to_device);
}

void Tensor::write(const std::vector<double>& values, const char* operation) const {
  if (int64_t(values.size()) != count()) throw ShapeError(std::to_string(values.size()) + " values for a tensor of shape " + shape().text());
  storage()->wrote(operation);
  if (dtype() == DType::f64) upload<double>(*this, values.data());
  else if (dtype() == DType::i32) upload<int32_t>(*this, values.data());
  else if (dtype() == DType::bf16) upload<Bf16>(*this, values.data());
  else upload<float>(*this, values.data());
}

void Tensor::copy_from(const Tensor& source, const char* operation) const {
  const bool converts = source.dtype() != dtype() && (detail::is_bf16(source) || detail::is_bf16(*this));
  if (source.count() != count() || (source.dtype() != dtype() && !converts))
    throw ShapeError("copy_from: " + source.shape().text() + " into " + shape().text());
  const Context c = detail::common_context(operation, {this, &source}, false);
  storage()->wrote(operation);
  if (converts) return detail::convert(source, *this);
  c.state().device().copy(*c.state().queue, data(), source.data(), size_t(count()) * size_of(dtype()), CopyDirection::on_device);
}

Tensor Tensor::leaf() const {
  auto node = std::make_shared<Node>(context());
  node->name = "leaf";
  node->number = context().state().next_node++;
  node->output_shape = shape();
  node->output_type = dtype();
  return Tensor(storage(), offset(), shape(), dtype(), node);
}

Tensor Tensor::detach() const { return requires_grad() ? Tensor(storage(), offset(), shape(), dtype()) : *this; }

}  // namespace weft
