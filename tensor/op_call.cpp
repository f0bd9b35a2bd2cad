#include "op_call.h"

#include "weft/tensor/shape.h"

namespace weft::detail {

namespace {

std::string text_of(int rank, const int64_t* size) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.push_back(size[i]);
  return " " + shape.text();
}
std::string image(const char* name, int64_t n, int64_t h, int64_t w, int64_t c) { return std::string(" ") + name + " " + Shape{n, h, w, c}.text(); }

}  // namespace

std::string sizes_of(PointwiseKind kind) { return std::string(" ") + pointwise_info[int(kind)].name; }
std::string sizes_of(const PointwiseProblem& p) { return text_of(p.rank, p.size); }
std::string sizes_of(const CopyProblem& p) { return text_of(p.rank, p.size); }
std::string sizes_of(const ReduceProblem& p) { return " " + Shape{p.outer, p.n, p.inner}.text() + " over its middle"; }
std::string sizes_of(const GatherProblem& p) {
  return " " + std::to_string(p.rows) + " rows of " + std::to_string(p.columns) + ", " + std::to_string(p.taps) + " taps each, table of " + std::to_string(p.table_rows);
}
std::string sizes_of(const ResampleProblem& p) { return image("x", p.n, p.h, p.w, p.c) + "," + image("y", p.n, p.p, p.q, p.c); }
std::string sizes_of(const PoolProblem& p) { return image("x", p.n, p.h, p.w, p.c) + "," + image("y", p.n, p.p, p.q, p.c); }
std::string sizes_of(const MatmulProblem& p) { return " " + Shape{p.batch, p.m, p.k}.text() + " x " + Shape{p.batch, p.k, p.n}.text(); }
std::string sizes_of(const NormProblem& p) { return " groups, rows, channels " + Shape{p.groups, p.rows, p.channels}.text(); }
std::string sizes_of(const ConvProblem& p) {
  return image("x", p.n, p.h, p.w, p.c) + "," + image("filter", p.k, p.r, p.s, p.c / p.groups) + "," + image("y", p.n, p.p, p.q, p.k);
}
std::string sizes_of(const SortProblem& p) { return " " + Shape{p.rows, p.n}.text(); }
std::string sizes_of(int64_t numbers) { return " " + Shape{numbers}.text(); }
std::string sizes_of(const OptimizerArenas& a) { return " of " + std::to_string(a.n) + " parameters"; }

namespace {

size_t wide_or_bf16(size_t scalar, bool bf16) { return bf16 ? 2 : scalar; }
constexpr size_t kIndex = sizeof(int32_t);

}  // namespace

uint64_t bytes_of(size_t scalar, PointwiseKind, const PointwiseProblem& p, const void* a, const void* b, const void* c, void*) {
  const void* inputs[] = {a, b, c};
  uint64_t all = 1, bytes = 0;
  for (int axis = 0; axis < p.rank; ++axis) all *= uint64_t(p.size[axis]);
  for (int i = 0; i < 3; ++i) {
    uint64_t own = inputs[i] ? 1 : 0;                  // what is repeated is read once
    for (int axis = 0; axis < p.rank; ++axis) own *= p.stride[i][axis] ? uint64_t(p.size[axis]) : 1;
    bytes += own * wide_or_bf16(scalar, p.bf16[i]);
  }
  return bytes + all * wide_or_bf16(scalar, p.bf16_out);
}

uint64_t bytes_of(size_t scalar, ReduceKind, const ReduceProblem& p, const void*, void*, int32_t* index) {
  const auto out = uint64_t(p.outer * p.inner);
  return out * uint64_t(p.n) * wide_or_bf16(scalar, p.bf16) + out * (scalar + (index ? kIndex : 0));
}

uint64_t bytes_of(size_t, const CopyProblem& p, size_t element, const void*, void*) {
  uint64_t from = 1, to = 1;
  for (int axis = 0; axis < p.rank; ++axis) from *= p.src_stride[axis] ? uint64_t(p.size[axis]) : 1, to *= uint64_t(p.size[axis]);
  return (from + to) * element;
}

uint64_t bytes_of(size_t scalar, const GatherProblem& p, const void*, const int32_t*, const void* weight, void*) {
  return uint64_t(p.rows * p.taps) * (kIndex + (weight ? scalar : 0)) + uint64_t((p.rows + p.table_rows) * p.columns) * scalar;
}

uint64_t bytes_of(size_t scalar, const SortProblem& p, const void*, void*, int32_t* index) { return uint64_t(p.rows * p.n) * (2 * scalar + (index ? kIndex : 0)); }

uint64_t bytes_of(size_t scalar, const ResampleProblem& p, const void*, const int32_t*, const void*, const int32_t*, const void*, void*) {
  return uint64_t(p.n * p.c) * uint64_t(p.h * p.w + p.p * p.q) * wide_or_bf16(scalar, p.bf16) + uint64_t(p.p * p.taps_h + p.q * p.taps_w) * (kIndex + scalar);
}

uint64_t bytes_of(size_t scalar, const PoolProblem& p, const void*, void*, int32_t*) {
  return uint64_t(p.n) * uint64_t(p.c) * (uint64_t(p.h) * uint64_t(p.w) * scalar + uint64_t(p.p) * uint64_t(p.q) * (scalar + kIndex));
}

uint64_t bytes_of(size_t scalar, const MatmulProblem& p, const void*, const Weight&, const void* bias, void*) {
  const int64_t a = (p.batch_stride_a ? p.batch : 1) * p.m * p.k, b = (p.batch_stride_b ? p.batch : 1) * p.k * p.n, c = p.batch * p.m * p.n;
  return uint64_t(a) * wide_or_bf16(scalar, p.bf16_a) + uint64_t(b) * wide_or_bf16(scalar, p.bf16_b) + uint64_t(c) * wide_or_bf16(scalar, p.bf16_c) + (bias ? uint64_t(p.n) * scalar : 0);
}

namespace {

uint64_t bytes_of(size_t scalar, const ConvProblem& p) {
  const auto count = [](int64_t a, int64_t b, int64_t c, int64_t d) { return uint64_t(a * b * c * d); };
  return count(p.n, p.h, p.w, p.c) * wide_or_bf16(scalar, p.bf16_x) + count(p.n, p.p, p.q, p.k) * wide_or_bf16(scalar, p.bf16_y) + count(p.k, p.r, p.s, p.c / p.groups) * scalar;
}

}  // namespace

uint64_t bytes_of(size_t scalar, const ConvProblem& p, const ConvEpilogue&, const void*, const Weight&, void*) { return bytes_of(scalar, p); }
uint64_t bytes_of(size_t scalar, const ConvProblem& p, bool, const void*, const void*, void*) { return bytes_of(scalar, p); }

uint64_t bytes_of(size_t scalar, const NormProblem& p, const void*, void*, void*) {
  return uint64_t(p.groups * p.channels) * (uint64_t(p.rows) * wide_or_bf16(scalar, p.bf16) + 2 * scalar);
}
uint64_t bytes_of(size_t scalar, const NormProblem& p, double, double, const void*, const void*, const void*, const void* gamma, const void* beta, void*) {
  return uint64_t(p.groups * p.channels) * (2 * uint64_t(p.rows) * wide_or_bf16(scalar, p.bf16) + 2 * scalar) + uint64_t(p.channels) * scalar * (size_t(gamma != nullptr) + size_t(beta != nullptr));
}
uint64_t bytes_of(size_t scalar, const NormProblem& p, double, double, const void*, const void*, const void*, const void* gamma, const void* beta, const void*, void* dx, void* dgamma,
                  void* dbeta) {
  const size_t large = 2 + size_t(dx != nullptr);
  size_t small = 0;
  for (const void* each : {gamma, beta, static_cast<const void*>(dgamma), static_cast<const void*>(dbeta)}) small += each != nullptr;
  return uint64_t(p.groups * p.channels) * (large * uint64_t(p.rows) * wide_or_bf16(scalar, p.bf16) + 2 * scalar) + uint64_t(p.channels) * scalar * small;
}

uint64_t bytes_of(size_t scalar, RandomKind, uint64_t, const StepState*, int64_t n, void*) { return uint64_t(n) * scalar; }

uint64_t bytes_of(size_t scalar, const OptimizerSettings&, const OptimizerArenas& a, const StepState*, int) {
  const size_t moments = size_t(a.m != nullptr) + size_t(a.v != nullptr);             // each is read and written, and is one array
  return uint64_t(a.n) * (scalar * (2 + moments) + (a.bf16 ? 2 : 0));
}

}  // namespace weft::detail
