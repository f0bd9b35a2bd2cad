// Points of a mixture, drawn one by one: point i is a function of i alone.
#include "dataset_kinds.h"
#include "weft/gan/mixture.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

class DrawnMixture final : public Dataset {
 public:
  explicit DrawnMixture(const Mixture& m) : mixture_(m), key_(stream_key(0, std::string("data.") + m.name)) {
    const Spread spread = spread_of(m);
    size_ = kEpoch, side_ = 1, channels_ = 2, endless_ = true;
    units_ = {{spread.mean[0], spread.mean[1]}, {spread.deviation[0], spread.deviation[1]}};
    double sum = 0;
    for (const double w : m.weights) until_.push_back(sum += w);
  }

  int read(int64_t i, float* out) override {
    const Words4 words = philox(key_, 0, uint64_t(i));
    const double unit = words.w[2] * 0x1p-32;
    size_t mode = 0;
    while (mode + 1 < until_.size() && unit >= until_[mode]) ++mode;
    float normals[4];
    normals_from(words, normals);
    for (size_t axis = 0; axis < 2; ++axis)
      out[axis] = float((mixture_.centres[mode][axis] + mixture_.deviation * normals[axis] - units_.zero[axis]) / units_.one[axis]);
    return 0;
  }

 private:
  static constexpr int64_t kEpoch = 100000;      // as many as PacGAN's protocol draws once and for all
  const Mixture& mixture_;
  const uint64_t key_;
  std::vector<double> until_;                    // summed weights
};

}  // namespace

std::shared_ptr<Dataset> open_drawn_mixture(const Mixture& mixture) { return std::make_shared<DrawnMixture>(mixture); }

}  // namespace weft::gan
