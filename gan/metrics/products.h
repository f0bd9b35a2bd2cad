// All inner products between two sets of points, a block of rows at a time: memory stays that of a block whatever the sets' sizes.
#pragma once
#include <functional>

#include "weft/gan/set_measures.h"
#include "weft/tensor/ops.h"

namespace weft::gan {

/// products: (rows, b.count), row i of which belongs to point first + i of a.
using SeeProducts = std::function<void(int64_t first, int64_t rows, const float* products)>;
void for_each_product(const Points& a, const Points& b, const SeeProducts& see);

/// The same for squared distances. Both sets are first moved so that their middle is the origin: less is lost to rounding there.
void for_each_distance(const Points& a, const Points& b, const SeeProducts& see);

/// (n, m): the same of tensors (n, d) and (m, d), by the context's own matrix products, for spaces of thousands of dimensions. Not moved, so
/// two points at the same place may be a rounding of their squared lengths apart.
Tensor squared_distances(const Tensor& a, const Tensor& b);

/// Throws ShapeError if points of the two sets cannot be compared, or one has fewer than `least`.
void expect_comparable(const char* measure, const Points& a, const Points& b, int64_t least);

}  // namespace weft::gan
