// The convolutions that weft is measured on: 30 layers of networks that people train. Every benchmark takes its shapes from here.
#pragma once
#include <string>
#include <vector>

#include "weft/kernels/geometry.h"

namespace weft::bench {

/// What a training step does with a layer.
enum class Pass { forward, input_grad, weight_grad };
inline constexpr Pass passes[] = {Pass::forward, Pass::input_grad, Pass::weight_grad};
inline constexpr const char* pass_names[] = {"forward", "input_grad", "weight_grad"};

struct Layer {
  std::string id, network, name;
  ConvProblem problem;             // as the op table has it: the conv2d whose input is the larger side
  bool transposed = false;         // the layer's forward pass is then the problem's input gradient, and the other way round
  bool on_pictures = false;        // the first layer of a network that pictures go into: nobody wants its input's gradient

  /// Which entry of the op table a pass of this layer calls.
  Pass entry(Pass pass) const { return transposed && pass != Pass::weight_grad ? Pass(1 - int(pass)) : pass; }
};

/// S01 to S30, in the order of their ids.
std::vector<Layer> table_layers();

/// The ids of the six whose timing tells the most, one a kind: measured first.
inline constexpr const char* headline_ids[] = {"S02", "S08", "S10", "S14", "S17", "S26"};

/// The convolutions of DCGAN's discriminator at `size` pixels and width 64, then the generator's stem; as problems, its
/// generator's layers are the same.
std::vector<Layer> dcgan_layers(int size, int channels, int batch);

/// @param text  N,C,H,W,K,R,S and then, as far as wanted, stride, padding, dilation [1,0,1] and groups [1]: a conv2d
/// Throws ConfigError that says what is wrong with it.
Layer parse_layer(const std::string& text);

/// The same layer with fewer images and pixels, and as many channels, so that one pass takes at most `flops`, or as few
/// as one pixel allows.
Layer shrunk(const Layer& layer, double flops);

double flops_of(const ConvProblem& p);     // of any of the three passes: a multiply-add is 2, products with padding count

/// Elements of the three arrays.
int64_t size_x(const ConvProblem& p);
int64_t size_y(const ConvProblem& p);
int64_t size_w(const ConvProblem& p);

}  // namespace weft::bench
