// The one word that lets a header serve both a CUDA kernel and plain C++: nvcc needs to hear that a function exists on
// both sides, every other compiler needs to hear nothing.
#pragma once
#if defined(__CUDACC__)
#define WEFT_PORTABLE __host__ __device__
#else
#define WEFT_PORTABLE
#endif
