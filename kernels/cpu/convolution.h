// The convolutions and the matrix product of the op table.
#pragma once
#include "queue.h"

namespace weft::cpu {

void conv2d(Queue&, const ConvProblem&, const ConvEpilogue&, const void* x, Weight w, void* y);
void conv2d_input_grad(Queue&, const ConvProblem&, const ConvEpilogue&, const void* y, Weight w, void* x);
void conv2d_weight_grad(Queue&, const ConvProblem&, bool accumulate, const void* x, const void* y, void* dw);
void matmul(Queue&, const MatmulProblem&, const void* a, Weight b, const void* bias, void* c);

}  // namespace weft::cpu
