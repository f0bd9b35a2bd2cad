// cuDNN and cuBLAS as the opponent of our own kernels, and as `--kernels vendor`: a plug-in, libweft_vendor.so, that is
// loaded while the program runs and only when somebody asks for it, so weft needs neither library to start.
//
// The plug-in exports one C function, weft_vendor(), and throws nothing across the boundary: each of its functions answers
// null, or a sentence that says what went wrong and stays readable until the session's next call.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weft/kernels/ops.h"

namespace weft::vendor {

enum class ConvOp : int32_t { forward, input_grad, weight_grad };
const char* name_of(ConvOp op);        // "conv2d", "conv2d_input_grad", "conv2d_weight_grad"

/// What is asked of cuDNN. Precision decides the type of the arrays and which engines may take part:
///   fp32, tf32x3   float32; no engine that says tensor core, converted inputs or reduced-precision sums: every product in float32
///   tf32           float32; tensor cores allowed, converted inputs and reduced-precision sums not
///   bf16           bfloat16 in and out, sums in float32
struct ConvQuestion {
  ConvOp op;
  ConvProblem problem;
  Precision precision = Precision::fp32;
  bool channels_first = false;         // NCHW and KCRS, cuDNN's better layout for strict fp32; else NHWC and KRSC
  bool deterministic = true;           // only engines that say so; false: any
  int candidates = 10;                 // the first so many that can be built are timed, [1, 100]
  int runs = 5;                        // timed launches of each, after one that is not; their mean counts. 0: take the first
};

/// cuDNN's numerical notes, as bits of ConvPlan::notes.
enum Note : uint32_t {
  kTensorCore = 1u << 0, kDownConvertInputs = 1u << 1, kReducedPrecisionSums = 1u << 2, kFft = 1u << 3,
  kNondeterministic = 1u << 4, kWinograd = 0xfu << 5,
};

/// An engine with its settings, ready to run. Valid as long as the queue it was found on.
struct ConvPlan {
  int32_t id = -1;                     // in its session; -1: a candidate that was only listed
  int32_t rank = 0;                    // place in cuDNN's own order, from 0
  int64_t engine = 0;                  // cuDNN's number of it for this operation
  uint32_t notes = 0;
  bool compiled_at_run_time = false;   // by cuDNN itself, when the plan is built: seconds, once
  int64_t workspace_bytes = 0;         // of a listed candidate: unknown, 0
  double microseconds = 0;             // one launch, warm, inputs and outputs as the question says, no conversion in it; 0: not timed
  int32_t timed = 0;                   // how many plans were built and timed

  bool deterministic() const { return !(notes & kNondeterministic); }
};

/// "engine 17, tensor cores, 8.4 MB workspace, not deterministic"
std::string describe(const ConvPlan& plan);

/// Why the plug-in cannot be used here, in a sentence; empty if it can. Loads cuDNN and cuBLAS: a tenth of a second.
std::string unavailable();
/// "cuDNN 9.19.0, cuBLAS 13.1.0", or what `unavailable` says.
std::string describe();

/// The best plan: timed on the queue's GPU with these arrays, y (or dx, or dw) overwritten. In bf16 all three hold bfloat16.
/// @param queue  opened on device `cuda` with Kernels::vendor, else DeviceError
/// Throws DeviceError if no engine qualifies.
ConvPlan find_plan(Queue& queue, const ConvQuestion& question, void* x, void* w, void* y);
/// Launches it once on the queue, with its workspace: exactly what `microseconds` measured. Throws CudaError.
void run_plan(Queue& queue, const ConvPlan& plan, void* x, void* w, void* y);

/// Every engine that cuDNN would offer, in its order, for a GPU that need not be here.
/// @param device_properties  a GPU in cuDNN's JSON, as tests/vendor/h200.json; cuDNN 9.8 and later
/// Throws DeviceError if the plug-in or cuDNN cannot.
std::vector<ConvPlan> candidates(const std::string& device_properties, const ConvQuestion& question);

// ---- The boundary. Everything above is made of this.

struct Session;

/// What a session borrows from the queue that opened it.
struct Lender {
  void* stream;                                          // cudaStream_t
  int device_index;
};

struct Plugin {
  uint32_t version;                                      // kPluginVersion, or it is another weft's
  const char* (*libraries)();
  /// A session is made even where the answer is a sentence: close it. Lender null: only `candidates` works.
  const char* (*open)(const Lender*, Session**);
  void (*close)(Session*);
  /// Allocates what it needs while it measures, and releases it.
  const char* (*find)(Session*, const ConvQuestion&, void* x, void* w, void* y, ConvPlan* plan);
  const char* (*run)(Session*, int32_t plan, void* x, void* w, void* y, void* workspace);
  /// As the op table's, without a bias.
  const char* (*matmul)(Session*, const MatmulProblem&, Precision, const void* a, const void* b, void* c, void* workspace, size_t workspace_bytes);
  const char* (*candidates)(Session*, const char* device_properties, const ConvQuestion&, ConvPlan* plans, int32_t capacity, int32_t* count);
};
constexpr uint32_t kPluginVersion = 1;

}  // namespace weft::vendor

extern "C" const weft::vendor::Plugin* weft_vendor();
