// oneDNN, and all of it: the only file that sees its headers, for its 2.x and its 3.x interface.
//
// What makes it fast: activations lie NHWC as they are; weights are `any`, so that it picks its own blocked layout, and are
// reordered from our (k,r,s,c) once a version, not once a call. (With our layout imposed it falls back to its reference
// loops, two thousand times slower.) A plan that would run those loops, "ref:any", is refused, and dense.cpp does the work.
//
//   plans     one a (op, problem, epilogue), made on first use and kept: 0.3 ms to make, microseconds to run
//   weights   blocked copies keyed by (Weight.id, offset, layout), never by address; good for one version. id 0 is
//             reordered into scratch each time
//   scratch   is ours, not oneDNN's: one buffer for all plans of the queue
#include <array>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>
#include <unordered_map>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "queue.h"

namespace weft::cpu {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::primitive_attr;
using Dims = memory::dims;
using Desc = memory::desc;

enum class Op { conv2d, input_grad, weight_grad, matmul };

/// What a plan depends on.
struct Key {
  std::array<int64_t, 24> v{};
  bool operator==(const Key& other) const { return v == other.v; }
};
struct Hash {
  size_t operator()(const Key& key) const {
    uint64_t h = 1469598103934665603u;
    for (int64_t value : key.v) h = (h ^ uint64_t(value)) * 1099511628211u;
    return size_t(h ^ (h >> 32));
  }
};

struct Plan {
  dnnl::primitive primitive;             // empty: oneDNN has no fast way
  std::string launch;                    // "conv2d:brgconv:avx512_core"
  int weights = 0;                       // DNNL_ARG_WEIGHTS or _DIFF_WEIGHTS, where they have a layout of oneDNN's own
  int layout = 0;                        // index into layouts_
  dnnl::reorder back;                    // weight_grad: from oneDNN's layout to ours
  std::unordered_map<int, memory> arguments;
};

/// Our layout of a weight, and the one a plan wants.
struct Layout {
  Desc ours, wanted;
  dnnl::reorder reorder;
};

/// The number of threads of everything inside; oneDNN asks OpenMP for it.
struct ThreadScope {
#ifdef _OPENMP
  const int before = omp_get_max_threads();
  explicit ThreadScope(int threads) {
    if (threads != before) omp_set_num_threads(threads);
  }
  ~ThreadScope() {
    if (omp_get_max_threads() != before) omp_set_num_threads(before);
  }
#else
  explicit ThreadScope(int) {}
#endif
};

class OneDnn final : public Library {
 public:
  explicit OneDnn(CpuQueue& queue) : queue_(queue) {}

  std::string describe() const override {
    const dnnl_version_t* v = dnnl::version();
    return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  }

  bool conv2d(const ConvProblem& p, const ConvEpilogue& epilogue, const float* x, const Weight& w, float* y) override {
    if (epilogue.bias && epilogue.accumulate) return false;    // 2.6.3 leaves the bias out where a window lies wholly in padding
    const Key key = conv_key(Op::conv2d, p, epilogue.bias != nullptr, epilogue.accumulate, epilogue.leaky_slope);
    Plan& plan = find(key, [&](Plan& made) {
      const Conv c(p);
      const Desc bias = epilogue.bias ? Desc({p.k}, kF32, memory::format_tag::a) : Desc();
      const auto pd = describe_forward(c, bias, attributes(epilogue.accumulate, epilogue.leaky_slope));
      finish(made, "conv2d", pd, {{DNNL_ARG_SRC, c.x}, {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST, c.y}});
      bind_weights(made, DNNL_ARG_WEIGHTS, c.ours, pd.weights_desc());
    });
    return run(plan, {{DNNL_ARG_SRC, x}, {DNNL_ARG_BIAS, epilogue.bias}, {DNNL_ARG_DST, y}}, w);
  }

  bool conv2d_input_grad(const ConvProblem& p, const float* y, const Weight& w, float* x) override {
    Plan& plan = find(conv_key(Op::input_grad, p), [&](Plan& made) {
      const Conv c(p);
      const auto pd = describe_backward<dnnl::convolution_backward_data>(c, c.x, c.any, c.y);
      finish(made, "conv2d_input_grad", pd, {{DNNL_ARG_DIFF_SRC, c.x}, {DNNL_ARG_DIFF_DST, c.y}});
      bind_weights(made, DNNL_ARG_WEIGHTS, c.ours, pd.weights_desc());
    });
    return run(plan, {{DNNL_ARG_DIFF_SRC, x}, {DNNL_ARG_DIFF_DST, y}}, w);
  }

  bool conv2d_weight_grad(const ConvProblem& p, bool accumulate, const float* x, const float* y, float* dw) override {
    Plan& plan = find(conv_key(Op::weight_grad, p, false, accumulate), [&](Plan& made) {
      const Conv c(p);
      const auto pd = describe_backward<dnnl::convolution_backward_weights>(c, c.x, c.any, c.y);
      finish(made, "conv2d_weight_grad", pd, {{DNNL_ARG_SRC, c.x}, {DNNL_ARG_DIFF_DST, c.y}});
      if (!made.primitive) return;
      const Desc theirs = pd.diff_weights_desc();
      made.arguments.emplace(DNNL_ARG_DIFF_WEIGHTS, memory(theirs, engine_, DNNL_MEMORY_NONE));
      if (theirs == c.ours && !accumulate) return;
      made.weights = DNNL_ARG_DIFF_WEIGHTS;
      made.arguments.emplace(DNNL_ARG_TO, memory(c.ours, engine_, DNNL_MEMORY_NONE));
      made.back = dnnl::reorder(dnnl::reorder::primitive_desc(engine_, theirs, engine_, c.ours, attributes(accumulate, 1)));
    });
    if (!plan.primitive) return false;
    memory& result = plan.arguments.at(DNNL_ARG_DIFF_WEIGHTS);
    const size_t floats = result.get_desc().get_size() / sizeof(float);
    result.set_data_handle(plan.back ? queue_.scratch(Slot::result, floats) : dw);
    run(plan, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, y}}, {});
    if (plan.back) {
      const ThreadScope threads(queue_.threads);
      memory& ours = plan.arguments.at(DNNL_ARG_TO);
      ours.set_data_handle(dw);
      plan.back.execute(stream_, result, ours);
    }
    return true;
  }

  bool matmul(const char* op, const MatmulProblem& p, double slope, const float* a, const Weight& b, const float* bias,
              float* c) override {
    if (p.batch > 1 && !p.batch_stride_a && !p.batch_stride_b) return false;   // a batch of equal products
    const auto name = int64_t(std::hash<std::string_view>{}(op));
    const Key key{{int64_t(Op::matmul), p.batch, p.m, p.n, p.k, p.transpose_a, p.transpose_b, p.accumulate, p.batch_stride_a,
                   p.batch_stride_b, bias != nullptr, bits_of(slope), name}};
    Plan& plan = find(key, [&](Plan& made) {
      const auto matrix = [&](int64_t rows, int64_t columns, bool transposed, int64_t batch_stride) {
        return p.batch == 1 ? Desc(Dims{rows, columns}, kF32, transposed ? Dims{1, rows} : Dims{columns, 1})
                            : Desc(Dims{batch_stride ? p.batch : 1, rows, columns}, kF32,
                                   transposed ? Dims{batch_stride ? batch_stride : rows * columns, 1, rows}
                                              : Dims{batch_stride ? batch_stride : rows * columns, columns, 1});
      };
      const Desc left = matrix(p.m, p.k, p.transpose_a, p.batch_stride_a), right = matrix(p.k, p.n, p.transpose_b, p.batch_stride_b);
      const Desc result = matrix(p.m, p.n, false, p.m * p.n);
      const Desc row = !bias ? Desc() : p.batch == 1 ? Desc(Dims{1, p.n}, kF32, Dims{p.n, 1}) : Desc(Dims{1, 1, p.n}, kF32, Dims{p.n, p.n, 1});
      const primitive_attr attr = attributes(p.accumulate, slope);
      const auto pd = make<dnnl::matmul>(attr, left, right, row, result);
      finish(made, op, pd, {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_BIAS, row}, {DNNL_ARG_DST, result}});
    });
    return run(plan, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b.data}, {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST, c}}, {});
  }

  void forget(uint64_t id) override { derived_.erase(id); }

 private:
  static constexpr memory::data_type kF32 = memory::data_type::f32;

  static int64_t bits_of(double value) {
    int64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  }

  static Key conv_key(Op op, const ConvProblem& p, bool bias = false, bool accumulate = false, double slope = 1) {
    return {{int64_t(op), p.n, p.h, p.w, p.c, p.k, p.r, p.s, p.p, p.q, p.stride.h, p.stride.w, p.pad.h, p.pad.w,
             p.dilation.h, p.dilation.w, p.groups, bias, accumulate, bits_of(slope)}};
  }

  /// A convolution's memory as oneDNN describes it: sizes in its order (n,c,h,w), (g,k,c,r,s); strides are ours.
  struct Conv {
    Desc x, y, any, ours;
    Dims stride, dilation, before, after;
    explicit Conv(const ConvProblem& p)
        : x({p.n, p.c, p.h, p.w}, kF32, memory::format_tag::nhwc),
          y({p.n, p.k, p.p, p.q}, kF32, memory::format_tag::nhwc),
          stride{p.stride.h, p.stride.w},
          dilation{p.dilation.h - 1, p.dilation.w - 1},
          before{p.pad.h, p.pad.w},
          after{(p.p - 1) * p.stride.h + (p.r - 1) * p.dilation.h + 1 - p.h - p.pad.h,     // what is really read: an input's
                (p.q - 1) * p.stride.w + (p.s - 1) * p.dilation.w + 1 - p.w - p.pad.w} {   // last rows may go unused
      const int64_t g = p.groups, k = p.k / g, c = p.c / g, pixel = p.s * c, filter = p.r * pixel;
      const Dims sizes = g == 1 ? Dims{k, c, p.r, p.s} : Dims{g, k, c, p.r, p.s};
      any = Desc(sizes, kF32, memory::format_tag::any);
      ours = Desc(sizes, kF32, g == 1 ? Dims{filter, 1, pixel, c} : Dims{k * filter, filter, 1, pixel, c});
    }
  };

  /// result = leaky(result + kept)
  static primitive_attr attributes(bool accumulate, double slope) {
    dnnl::post_ops ops;
    if (accumulate) ops.append_sum(1.0f);
#if DNNL_VERSION_MAJOR >= 3
    if (slope != 1) ops.append_eltwise(algorithm::eltwise_relu, float(slope), 0.0f);
#else
    if (slope != 1) ops.append_eltwise(1.0f, algorithm::eltwise_relu, float(slope), 0.0f);
#endif
    primitive_attr attr;
    attr.set_post_ops(ops);
    attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attr;
  }

  // The whole difference between the two interfaces: 2.x describes an operation first, 3.x does it in one go.
  template <class P, class... A>
  typename P::primitive_desc make(const primitive_attr& attr, const A&... what) {
#if DNNL_VERSION_MAJOR >= 3
    return typename P::primitive_desc(engine_, what..., attr);
#else
    return typename P::primitive_desc(typename P::desc(what...), attr, engine_);
#endif
  }
  dnnl::convolution_forward::primitive_desc describe_forward(const Conv& c, const Desc& bias, const primitive_attr& attr) {
    return make<dnnl::convolution_forward>(attr, dnnl::prop_kind::forward_training, algorithm::convolution_direct, c.x, c.any,
                                           bias, c.y, c.stride, c.dilation, c.before, c.after);
  }
  template <class P>
  typename P::primitive_desc describe_backward(const Conv& c, const Desc& x, const Desc& w, const Desc& y) {
    const auto hint = describe_forward(c, Desc(), attributes(false, 1));
#if DNNL_VERSION_MAJOR >= 3
    return typename P::primitive_desc(engine_, algorithm::convolution_direct, x, w, y, c.stride, c.dilation, c.before, c.after,
                                      hint, attributes(false, 1));
#else
    return typename P::primitive_desc({algorithm::convolution_direct, x, w, y, c.stride, c.dilation, c.before, c.after},
                                      attributes(false, 1), engine_, hint);
#endif
  }

  template <class Make>
  Plan& find(const Key& key, Make make_plan) {
    const auto found = plans_.find(key);
    if (found != plans_.end()) return found->second;
    const ThreadScope threads(queue_.threads);
    Plan plan;
    try {
      make_plan(plan);
    } catch (const dnnl::error&) {   // "could not create a primitive descriptor": nothing in it does this problem
      plan = {};
    }
    return plans_.emplace(key, std::move(plan)).first->second;
  }

  template <class PrimitiveDesc>
  void finish(Plan& plan, const char* op, const PrimitiveDesc& pd, const std::vector<std::pair<int, Desc>>& arguments) {
    const std::string name = pd.impl_info_str();
    if (name.find("ref") != std::string::npos) return;
    plan.launch = std::string(op) + ":" + name;
    for (const auto& [which, desc] : arguments)
      if (desc.get_size()) plan.arguments.emplace(which, memory(desc, engine_, DNNL_MEMORY_NONE));
    if (pd.scratchpad_desc().get_size())
      plan.arguments.emplace(DNNL_ARG_SCRATCHPAD, memory(pd.scratchpad_desc(), engine_, DNNL_MEMORY_NONE));
    plan.primitive = dnnl::primitive(pd.get());
  }

  void bind_weights(Plan& plan, int which, const Desc& ours, const Desc& wanted) {
    if (!plan.primitive) return;
    plan.weights = which;
    plan.arguments.emplace(which, memory(wanted, engine_, DNNL_MEMORY_NONE));
    for (plan.layout = 0; plan.layout < int(layouts_.size()); ++plan.layout)
      if (layouts_[plan.layout].ours == ours && layouts_[plan.layout].wanted == wanted) return;
    Layout layout{ours, wanted, {}};
    if (ours != wanted) layout.reorder = dnnl::reorder(dnnl::reorder::primitive_desc(engine_, ours, engine_, wanted));
    layouts_.push_back(std::move(layout));
  }

  /// Where the weight lies in the layout that the plan wants, after a reorder if there is no fresh copy.
  void* weights_for(const Plan& plan, const Weight& w) {
    const Layout& layout = layouts_[plan.layout];
    if (!layout.reorder) return const_cast<void*>(w.data);
    memory ours(layout.ours, engine_, const_cast<void*>(w.data));
    const size_t bytes = layout.wanted.get_size();
    if (w.id == 0) {
      memory passing(layout.wanted, engine_, queue_.scratch(Slot::weights, bytes / sizeof(float)));
      layout.reorder.execute(stream_, ours, passing);
      return passing.get_data_handle();
    }
    Derived& derived = derived_[w.id][{w.offset, plan.layout}];
    if (!derived.copy || derived.version != w.version) {
      if (!derived.copy) derived.copy = memory(layout.wanted, engine_);
      layout.reorder.execute(stream_, ours, derived.copy);
      derived.version = w.version;
    }
    return derived.copy.get_data_handle();
  }

  bool run(Plan& plan, const std::vector<std::pair<int, const void*>>& pointers, const Weight& w) {
    if (!plan.primitive) return false;
    const ThreadScope threads(queue_.threads);
    if (plan.weights == DNNL_ARG_WEIGHTS) plan.arguments.at(plan.weights).set_data_handle(weights_for(plan, w));
    for (const auto& [which, pointer] : pointers)
      if (pointer) plan.arguments.at(which).set_data_handle(const_cast<void*>(pointer));
    const auto scratchpad = plan.arguments.find(DNNL_ARG_SCRATCHPAD);
    if (scratchpad != plan.arguments.end())
      scratchpad->second.set_data_handle(queue_.scratch(Slot::library, scratchpad->second.get_desc().get_size() / sizeof(float) + 1));
    ++queue_.launches[plan.launch];
    plan.primitive.execute(stream_, plan.arguments);
    return true;
  }

  struct Derived {
    uint64_t version = 0;
    memory copy;
  };
  struct PlaceHash {
    size_t operator()(const std::pair<size_t, int>& place) const { return place.first * 31 + size_t(place.second); }
  };

  CpuQueue& queue_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::unordered_map<Key, Plan, Hash> plans_;
  std::vector<Layout> layouts_;
  std::unordered_map<uint64_t, std::unordered_map<std::pair<size_t, int>, Derived, PlaceHash>> derived_;
};

}  // namespace

std::unique_ptr<Library> open_onednn(CpuQueue& queue) { return std::make_unique<OneDnn>(queue); }

}  // namespace weft::cpu
