// The op table of the kernels in this folder; both `cuda` and `sim` hand it out.
#include "ops.h"

namespace weft::WEFT_BACKEND {

#define WEFT_TEXT_OF(x) #x
#define WEFT_TEXT(x) WEFT_TEXT_OF(x)

constexpr Ops make_table() {
  Ops t;
  t.name = WEFT_TEXT(WEFT_BACKEND);
  t.scalar = DType::f32;
  t.pointwise = pointwise;
  t.reduce = reduce;
  t.strided_copy = strided_copy;
  t.gather = gather;
  t.scatter_add = scatter_add;
  t.sort = sort;
  t.resample = resample;
  t.max_pool = max_pool;
  t.matmul = matmul;
  t.conv2d = conv2d;
  t.conv2d_input_grad = conv2d_input_grad;
  t.conv2d_weight_grad = conv2d_weight_grad;
  t.folds_reflection = true;
  t.convolutions_take_moments = true;
  t.moments = moments;
  t.normalize = normalize;
  t.normalize_grad = normalize_grad;
  t.random = random;
  t.optimizer_step = optimizer_step;
  return t;                                   // `forget` stays null: these kernels keep nothing derived from a weight
}

const Ops ops = make_table();                  // constant: ready before any static constructor runs

}  // namespace weft::WEFT_BACKEND
