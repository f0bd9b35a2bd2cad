// `weft bench`: every kernel at the sizes of real networks, on one device.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "results.h"
#include "shapes.h"

namespace weft::bench {

struct Options {
  std::string device = "auto";
  int threads = 0;                       // of a processor; 0: one a core
  std::string only;                      // regular expression over "S14 CycleGAN R256 *, forward bf16"; empty: all
  std::optional<Layer> layer;            // instead of the whole table
  bool quick = false;                    // a few samples a row
  bool once = false;                     // each row launched once and not timed, for a profiler
  double minutes = 8;                    // then it ends with what it has
  std::string folder;                    // for the results; empty: none
  std::string command;                   // kept in them
};

struct Callbacks {
  std::function<void(const Results&, const Row&)> row;                   // measured just now
  std::function<void(int done, int of, const std::string& next)> next;   // before each row
  std::function<bool()> stop;                                            // asked before each row
};

/// Measures what the options select, the rows that tell most first. Throws ConfigError for a regular expression that is none
/// or selects nothing, DeviceError for a device that is not there, IoError for a folder that cannot be written.
Results run(const Options& options, const Callbacks& callbacks);

// --- one row each; run() calls these ---

struct Effort {
  double seconds;                        // of samples, each for warm and for cold
  int least;                             // samples, whatever they take
  double largest_flops;                  // a layer with more is shrunk
  bool once;
};

Row measure_product(Machine& machine, int size, Precision precision, const Effort& effort);
Row measure_layer(Machine& machine, const Layer& layer, Pass pass, Precision precision, const Effort& effort);
Row measure_step(const std::string& device, int threads, Precision precision, int batch, const Effort& effort);

/// One of the three convolutions of the op table, without its pointers: `a` and `b` are its inputs in the table's order.
struct Convolution {
  Pass entry;
  ConvProblem p;
  int64_t size_a() const { return entry == Pass::input_grad ? size_y(p) : size_x(p); }
  int64_t size_b() const { return entry == Pass::weight_grad ? size_y(p) : size_w(p); }
  int64_t size_out() const { return entry == Pass::forward ? size_y(p) : entry == Pass::input_grad ? size_x(p) : size_w(p); }
  double terms() const;          // of one element's sum
  /// @param a16, b16  in precision bf16, the same once more in bfloat16: taken as a training step's activations and weights are. The
  ///                  result stays float32, to be checked
  void launch(const Ops& ops, Queue& queue, const float* a, const float* b, float* out, uint64_t weight, const uint16_t* a16 = nullptr,
              const uint16_t* b16 = nullptr) const;
  /// One element of the result in float64, from the definition (kernels/include/weft/kernels/ops.h).
  double exact(const float* a, const float* b, int64_t element) const;
};

/// Inputs and outputs, in floats, that the measurement of a layer or a product needs.
struct Need {
  int64_t inputs = 0, outputs = 0;
};
Need need_of(const Layer& layer);

}  // namespace weft::bench
