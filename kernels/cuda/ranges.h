// Names of ranges for a profiler (NVTX). Headers alone: a call through a null pointer's test until a profiler listens.
#pragma once

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
namespace weft::cuda {
inline void range_push(const char* name) { nvtxRangePushA(name); }
inline void range_pop() { nvtxRangePop(); }
}  // namespace weft::cuda
#else
namespace weft::cuda {
constexpr void (*range_push)(const char*) = nullptr;
constexpr void (*range_pop)() = nullptr;
}  // namespace weft::cuda
#endif
