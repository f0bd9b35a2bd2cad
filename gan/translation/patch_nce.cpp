#include "weft/gan/translation.h"

namespace weft::gan {

PatchProjection::PatchProjection(const Context& c, const std::vector<int64_t>& channels, int64_t columns) {
  for (size_t i = 0; i < channels.size(); ++i) {
    auto perceptron = std::make_shared<nn::Sequential>();
    perceptron->append(std::make_shared<nn::Linear>(c, channels[i], columns)).append(nn::ReLU());
    perceptron->append(std::make_shared<nn::Linear>(c, columns, columns));
    perceptrons_.push_back(add("mlp_" + std::to_string(i), perceptron));
  }
}

Tensors PatchProjection::project(const Tensors& features, const Tensors& positions) const {
  Tensors projected;
  for (size_t i = 0; i < perceptrons_.size(); ++i) {
    const Tensor &f = features.at(i), rows = gather(reshape(f, {f.count() / f.size(3), f.size(3)}), positions.at(i));
    const Tensor y = perceptrons_[i]->forward(rows);
    projected.push_back(y / sqrt(sum(y * y, {-1}, KeepAxes::yes) + 1e-8));   // a row of zeros stays one, and has a derivative
  }
  return projected;
}

// The order that sorts noise is a random permutation, and it is made where it is used: nothing comes from the host.
Tensor patch_positions(const Tensor& feature, int64_t count, uint64_t stream) {
  const Shape places{feature.size(0), feature.size(1) * feature.size(2)};
  const NoGraph scope(feature.context());
  return slice(sort(feature.context().uniform(places, stream)).index, 1, 0, std::min(count, places[1]));
}

Tensor patch_nce(const Tensors& queries, const Tensors& keys, double temperature) {
  Tensor total;
  for (size_t i = 0; i < queries.size(); ++i) {
    const Tensor &q = queries[i], k = keys.at(i).detach();
    const Tensor alike = matmul(q, k, false, true) / temperature, own = sum(q * k, {-1}) / temperature;
    const Tensor largest = max(alike.detach(), {-1}, KeepAxes::yes);
    const Tensor loss = mean(log(sum(exp(alike - largest), {-1})) + reshape(largest, own.shape()) - own);
    total = total ? total + loss : loss;
  }
  return total / double(queries.size());
}

}  // namespace weft::gan
