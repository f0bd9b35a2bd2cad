// Three drawn digits as the three channels of a picture.
#include "dataset_kinds.h"
#include "drawing.h"
#include "weft/gan/digits.h"
#include "weft/kernels/error.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

/// Stack i shows the number i mod 1,000, so every mode is equally likely, by three of the digits that are drawn once and kept.
class StackedDigits final : public Dataset {
 public:
  explicit StackedDigits(const DatasetOptions& o) : kept_(size_t(kDigits * kVariants)) {
    if (o.size < 16 || o.size > 256) throw ConfigError("stacked digits are drawn with 16 to 256 pixels a side, not " + std::to_string(o.size));
    if (o.channels == 1) throw ConfigError("stacked digits are three digits in three channels, and channels = 1 asks for grey pictures; channels = 3 or 0 goes");
    size_ = kStacksDrawn, side_ = o.size, channels_ = 3;
    for (int n = 0; n < kStacks; ++n) classes_.push_back(std::to_string(n));
    for (int64_t i = 0; i < size_; ++i) labels_.push_back(int(i % kStacks));
  }

  int read(int64_t i, float* out) override {
    const int number = labels_[size_t(i)];
    Dice dice(key_, i);
    for (const int digit : {number / 100, number / 10 % 10, number % 10}) {
      std::vector<uint8_t>& drawn = kept_[size_t(digit * kVariants) + size_t(dice.below(kVariants))];
      if (drawn.empty()) drawn = draw_digit(digit, uint64_t(&drawn - &kept_[size_t(digit * kVariants)]), side_);
      float* channel = out++;
      for (const uint8_t p : drawn) *channel = float(p) / 127.5f - 1, channel += 3;
    }
    return number;
  }

 private:
  static constexpr int64_t kStacksDrawn = 128000;                // as in VEEGAN's and PacGAN's experiments
  static constexpr int kVariants = 1000;                         // of a digit
  uint64_t key_ = stream_key(0, "data.stacked-digits");
  std::vector<std::vector<uint8_t>> kept_;
};

}  // namespace

std::shared_ptr<Dataset> open_stacked_digits(const DatasetOptions& options) { return std::make_shared<StackedDigits>(options); }

}  // namespace weft::gan
