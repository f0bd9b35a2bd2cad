// The backend's own object: how many threads, which compilation of the loops, scratch memory, and oneDNN's primitives.
#pragma once
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "weft/kernels/ops.h"

namespace weft::cpu {

struct Loops;   // loops.h

/// Convolutions and matrix products by a library. Each returns false where the library has no fast way, and nothing was
/// written; the loops then do it.
struct Library {
  virtual ~Library() = default;
  virtual std::string describe() const = 0;
  virtual bool conv2d(const ConvProblem&, const ConvEpilogue&, const float* x, const Weight& w, float* y) = 0;
  virtual bool conv2d_input_grad(const ConvProblem&, const float* y, const Weight& w, float* x) = 0;
  virtual bool conv2d_weight_grad(const ConvProblem&, bool accumulate, const float* x, const float* y, float* dw) = 0;
  virtual bool matmul(const char* op, const MatmulProblem&, double leaky_slope, const float* a, const Weight& b, const float* bias, float* c) = 0;
  virtual void forget(uint64_t id) = 0;
};

/// Memory that grows to the largest size asked for and is kept. A slot is good until it is asked for again.
enum class Slot { partials, library, weights, result, packed_a, packed_b, columns, sort, count };

struct CpuQueue : Queue {
  int threads = 1;
  const Loops* loops = nullptr;
  std::unique_ptr<Library> library;   // null without oneDNN

  CpuQueue();
  ~CpuQueue() override;
  float* scratch(Slot, size_t floats);
  /// Memory for what is derived from a weight: kept until it is forgotten, or scratch for one without an id. Whether it holds what
  /// belongs to this version already; it is taken to hold it from now on.
  std::pair<float*, bool> derived(const Weight&, size_t floats);
  void forget(uint64_t id);

 private:
  struct Derived {
    uint64_t version = 0;
    std::vector<float> floats;
  };
  std::unordered_map<uint64_t, std::map<size_t, Derived>> derived_;   // by id and offset
  struct Block {
    float* data = nullptr;
    size_t floats = 0;
  } blocks[size_t(Slot::count)];
};

inline CpuQueue& own(Queue& queue) { return static_cast<CpuQueue&>(queue); }
inline const float* in(const void* p) { return static_cast<const float*>(p); }
inline float* out(void* p) { return static_cast<float*>(p); }

#ifdef WEFT_HAS_ONEDNN
std::unique_ptr<Library> open_onednn(CpuQueue&);
#endif

}  // namespace weft::cpu
