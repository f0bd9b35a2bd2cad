// Things that move rows: strided copies, gather, scatter_add, and the epilogue of a convolution.
//
//   strided_copy   dst[i . dst_stride] = src[i . src_stride]: axes that lie together in both are merged first, so that a
//                  slice or a concatenation becomes a few memcpy
//   gather         y[i,:] = sum over t of weight[i,t] * table[index[i,t],:]
//   scatter_add    its adjoint; each thread owns a range of the table and walks the whole index in rising order, so the
//                  order of every sum is the definition's, whatever the number of threads
#include <cstring>

#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

/// The same copy with axes of one element dropped and axes that lie together merged.
CopyProblem merged(const CopyProblem& box) {
  CopyProblem result{};
  for (int axis = 0; axis < box.rank; ++axis) {
    if (box.size[axis] == 1) continue;
    const int last = result.rank - 1;
    if (result.rank && result.src_stride[last] == box.src_stride[axis] * box.size[axis] &&
        result.dst_stride[last] == box.dst_stride[axis] * box.size[axis]) {
      result.size[last] *= box.size[axis];
      result.src_stride[last] = box.src_stride[axis], result.dst_stride[last] = box.dst_stride[axis];
    } else {
      result.size[result.rank] = box.size[axis];
      result.src_stride[result.rank] = box.src_stride[axis], result.dst_stride[result.rank++] = box.dst_stride[axis];
    }
  }
  if (result.rank == 0) result = {1, {1}, {1}, {1}};
  return result;
}

template <class T>
void copy_row(int64_t n, int64_t src_stride, int64_t dst_stride, const T* src, T* dst) {
  if (src_stride == 1 && dst_stride == 1)
    std::memcpy(dst, src, size_t(n) * sizeof(T));
  else if (src_stride == 0)
    for (int64_t i = 0; i < n; ++i) dst[i * dst_stride] = *src;
  else
    for (int64_t i = 0; i < n; ++i) dst[i * dst_stride] = src[i * src_stride];
}

template <class T>
void copy_box(const CpuQueue& queue, const CopyProblem& box, const T* src, T* dst) {
  const int last = box.rank - 1;
  int64_t rows = 1;
  for (int axis = 0; axis < last; ++axis) rows *= box.size[axis];
  if (rows * box.size[last] == 0) return;
  constexpr int64_t kPiece = 1 << 14;   // elements; a long row is cut, so that a plain copy is shared out too
  const int64_t pieces = (box.size[last] + kPiece - 1) / kPiece, grain = 1 + kPiece / box.size[last];
  if (rows == 1 && pieces > 1)
    return parallel_range(queue, box.size[last], kPiece, [&](int64_t begin, int64_t end) {
      copy_row(end - begin, box.src_stride[last], box.dst_stride[last], src + begin * box.src_stride[last],
               dst + begin * box.dst_stride[last]);
    });
  parallel(queue, (rows + grain - 1) / grain, rows * box.size[last], [&](int64_t job) {
    const int64_t end = (job + 1) * grain < rows ? (job + 1) * grain : rows;
    for (int64_t row = job * grain; row < end; ++row) {
      int64_t rest = row, from = 0, to = 0;
      for (int axis = last - 1; axis >= 0; --axis) {
        const int64_t i = rest % box.size[axis];
        rest /= box.size[axis];
        from += i * box.src_stride[axis], to += i * box.dst_stride[axis];
      }
      copy_row(box.size[last], box.src_stride[last], box.dst_stride[last], src + from, dst + to);
    }
  });
}

}  // namespace

void strided_copy(CpuQueue& queue, const CopyProblem& box, size_t element, const void* src, void* dst) {
  if (element == 4)
    copy_box(queue, merged(box), static_cast<const uint32_t*>(src), static_cast<uint32_t*>(dst));
  else
    copy_box(queue, merged(box), static_cast<const uint64_t*>(src), static_cast<uint64_t*>(dst));
}

void gather(CpuQueue& queue, const GatherProblem& problem, const float* table, const int32_t* index, const float* weight,
            float* y) {
  const int64_t rows = problem.rows, taps = problem.taps, columns = problem.columns;
  const int64_t grain = 1 + 4096 / (taps * columns);
  parallel(queue, (rows + grain - 1) / grain, rows * taps * columns, [&](int64_t job) {
    const int64_t end = (job + 1) * grain < rows ? (job + 1) * grain : rows;
    if (taps * columns == 1 && !weight) {        // single numbers
      for (int64_t i = job * grain; i < end; ++i) y[i] = index[i] < 0 ? 0 : table[index[i]];
      return;
    }
    for (int64_t i = job * grain; i < end; ++i) {
      float* row = y + i * columns;
      for (int64_t column = 0; column < columns; ++column) row[column] = 0;
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t j = index[i * taps + t];   // [-1, table_rows)
        if (j < 0) continue;
        const float* source = table + j * columns;
        const float factor = weight ? weight[i * taps + t] : 1;
        for (int64_t column = 0; column < columns; ++column) row[column] += factor * source[column];
      }
    }
  });
}

void scatter_add(CpuQueue& queue, const GatherProblem& problem, const float* x, const int32_t* index, const float* weight,
                 float* table) {
  const int64_t rows = problem.rows, taps = problem.taps, columns = problem.columns, entries = problem.table_rows;
  if (problem.unique) {
    std::memset(table, 0, size_t(entries * columns) * sizeof(float));   // some rows may not be named
    return parallel_range(queue, rows * taps, 1 + 4096 / columns, [&](int64_t begin, int64_t end) {
      if (taps * columns == 1 && !weight) {
        for (int64_t entry = begin; entry < end; ++entry)
          if (index[entry] >= 0) table[index[entry]] = x[entry];
        return;
      }
      for (int64_t entry = begin; entry < end; ++entry) {
        if (index[entry] < 0) continue;
        const float factor = weight ? weight[entry] : 1;
        const float *source = x + entry / taps * columns;
        float* row = table + index[entry] * columns;
        for (int64_t column = 0; column < columns; ++column) row[column] = factor * source[column];
      }
    });
  }
  const int64_t owners = queue.threads < entries ? queue.threads : entries;
  parallel(queue, owners, rows * taps * columns + entries * columns, [&](int64_t owner) {
    const int64_t first = entries * owner / owners, end = entries * (owner + 1) / owners;
    std::memset(table + first * columns, 0, size_t((end - first) * columns) * sizeof(float));
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t j = index[i * taps + t];   // [-1, table_rows)
        if (j < first || j >= end) continue;
        const float factor = weight ? weight[i * taps + t] : 1;
        const float* source = x + i * columns;
        float* sum = table + j * columns;
        for (int64_t column = 0; column < columns; ++column) sum[column] += factor * source[column];
      }
  });
}

void epilogue(CpuQueue& queue, int64_t rows, int64_t channels, const ConvEpilogue& what, const float* sum, float* result) {
  const float* bias = static_cast<const float*>(what.bias);
  const float slope = float(what.leaky_slope);
  const int64_t grain = 1 + (1 << 14) / channels;
  parallel(queue, (rows + grain - 1) / grain, rows * channels, [&](int64_t job) {
    const int64_t end = (job + 1) * grain < rows ? (job + 1) * grain : rows;
    for (int64_t at = job * grain * channels; at < end * channels; at += channels)
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) {
        float value = sum[at + c];
        if (bias) value += bias[c];
        if (what.accumulate) value += result[at + c];
        result[at + c] = value > 0 || what.accumulate ? value : slope * value;
      }
  });
}

}  // namespace weft::cpu::WEFT_ISA
