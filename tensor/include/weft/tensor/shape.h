// The sizes of a tensor, outermost first, at most kMaxRank of them. Rank 0 is a scalar.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "weft/kernels/error.h"
#include "weft/kernels/geometry.h"

namespace weft {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) { for (int64_t s : sizes) push_back(s); }
  explicit Shape(const std::vector<int64_t>& sizes) { for (int64_t s : sizes) push_back(s); }

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return sizes_[axis]; }
  int64_t& operator[](int axis) { return sizes_[axis]; }
  /// Axis as Python counts it: -1 is the last. Throws ShapeError if there is no such axis.
  int axis(int i) const {
    const int a = i < 0 ? i + rank_ : i;
    if (a < 0 || a >= rank_) throw ShapeError("axis " + std::to_string(i) + " of a tensor of shape " + text());
    return a;
  }
  void push_back(int64_t size) {
    if (rank_ == kMaxRank) throw ShapeError("a tensor has at most " + std::to_string(kMaxRank) + " axes");
    if (size < 0) throw ShapeError("a size is negative: " + std::to_string(size));
    sizes_[rank_++] = size;
  }
  /// Product of the sizes in [from, to).
  int64_t count(int from, int to) const {
    int64_t n = 1;
    for (int i = from; i < to; ++i) n *= sizes_[i];
    return n;
  }
  int64_t count() const { return count(0, rank_); }
  bool operator==(const Shape& o) const {
    if (rank_ != o.rank_) return false;
    for (int i = 0; i < rank_; ++i) if (sizes_[i] != o.sizes_[i]) return false;
    return true;
  }
  std::string text() const {
    std::string s = "(";
    for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string(sizes_[i]);
    return s + ")";
  }

 private:
  int rank_ = 0;
  int64_t sizes_[kMaxRank] = {};
};

}  // namespace weft
