// The ops that are bound by memory, each with what it cannot help moving.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "bench.h"

namespace weft::bench {

/// Where one of them reads and writes: `x`, `dy` and `out` have rows * channels floats, `more` twice as many; the others `channels`.
struct StreamArrays {
  const float *x, *dy;
  float *out, *more;
  const float* gamma;
  float *mean, *variance, *sum, *dgamma, *dbeta;
  const StepState* step;
  const Device* device;
};

struct Stream {
  std::string name;
  double moves;        // floats that it must read or write, of rows * channels
  std::function<void(const Ops&, Queue&, const StreamArrays&)> launch;
};

/// Over x (rows, channels), or over as many numbers in a row. Copies have a name that begins with "copy".
std::vector<Stream> streams(int64_t rows, int64_t channels);

/// Arrays at these offsets of the machine's inputs and outputs.
StreamArrays stream_arrays(const Machine& machine, int64_t rows, int64_t channels, int64_t in, int64_t out);
/// Floats that they take there.
Need need_of_streams(int64_t rows, int64_t channels);

Row measure_stream(Machine& machine, const Stream& stream, int64_t rows, int64_t channels, const Effort& effort);

}  // namespace weft::bench
