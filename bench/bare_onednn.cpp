#include "bare_onednn.h"

#include <cstring>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace weft::bench {
namespace {

using dnnl::memory;

struct Bare {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;

  void argument(int which, const memory::desc& desc) {
    memory buffer(desc, engine);
    float* data = static_cast<float*>(buffer.get_data_handle());
    for (size_t i = 0; i < desc.get_size() / sizeof(float); ++i) data[i] = float(int(i * 2654435761u >> 24) - 128) / 1024;
    arguments.emplace(which, buffer);
  }
};

}  // namespace

std::function<void()> bare_onednn(Pass entry, const ConvProblem& p) {
  auto bare = std::make_shared<Bare>();
  const auto f32 = memory::data_type::f32;
  const auto nhwc = memory::format_tag::nhwc;
  const memory::desc x({p.n, p.c, p.h, p.w}, f32, nhwc), y({p.n, p.k, p.p, p.q}, f32, nhwc);
  const memory::desc w({p.k, p.c, p.r, p.s}, f32, memory::format_tag::any);
  const memory::dims stride{p.stride.h, p.stride.w}, pad{p.pad.h, p.pad.w};
  const auto training = dnnl::prop_kind::forward_training;
  const auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::convolution_forward::primitive_desc forward(bare->engine, training, direct, x, w, y, stride, pad, pad);
  const dnnl::convolution_backward_data::primitive_desc input(bare->engine, direct, x, w, y, stride, pad, pad, forward);
  const dnnl::convolution_backward_weights::primitive_desc weight(bare->engine, direct, x, w, y, stride, pad, pad, forward);
#else
  const dnnl::convolution_forward::primitive_desc forward({training, direct, x, w, y, stride, pad, pad}, bare->engine);
  const dnnl::convolution_backward_data::primitive_desc input({direct, x, w, y, stride, pad, pad}, bare->engine, forward);
  const dnnl::convolution_backward_weights::primitive_desc weight({direct, x, w, y, stride, pad, pad}, bare->engine, forward);
#endif
  if (entry == Pass::forward) {
    bare->primitive = dnnl::convolution_forward(forward);
    bare->argument(DNNL_ARG_SRC, x), bare->argument(DNNL_ARG_WEIGHTS, forward.weights_desc()), bare->argument(DNNL_ARG_DST, y);
  } else if (entry == Pass::input_grad) {
    bare->primitive = dnnl::convolution_backward_data(input);
    bare->argument(DNNL_ARG_DIFF_SRC, x), bare->argument(DNNL_ARG_WEIGHTS, input.weights_desc()), bare->argument(DNNL_ARG_DIFF_DST, y);
  } else {
    bare->primitive = dnnl::convolution_backward_weights(weight);
    bare->argument(DNNL_ARG_SRC, x), bare->argument(DNNL_ARG_DIFF_WEIGHTS, weight.diff_weights_desc()), bare->argument(DNNL_ARG_DIFF_DST, y);
  }
  return [bare] { bare->primitive.execute(bare->stream, bare->arguments); };
}

}  // namespace weft::bench
