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
std::string sizes_of(const OptimizerArenas& a) { return " of " + std::to_string(a.n) + " parameters"; }

}  // namespace weft::detail
