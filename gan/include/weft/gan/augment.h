// Images altered at random as they are loaded, so that few stand for many. How one is altered is a function of (seed, epoch,
// position) alone; all that moves pixels is one affine map, so each is interpolated once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::gan {

/// What is seen where a moved picture does not reach: its nearest pixel, its mirror image (c b a | a b c), or one value.
enum class Fill { nearest, reflect, constant };

/// Each is the farthest that it goes; draws are uniform and independent. All zero: pictures stay as they are, to the bit.
struct AugmentOptions {
  bool flip = false;                             // half of the images left to right
  double crop = 0;                               // share of the side that a window, anywhere, leaves out; 0 to 0.9
  double rotation = 0;                           // degrees, either way; 0 to 180
  double shift = 0;                              // share of the side, either way, in x and in y; 0 to 1
  double shear = 0;                              // slope that an upright line gets, either way; 0 to 1
  double zoom = 0;                               // x and y scaled by 1 - zoom to 1 + zoom, each for itself; 0 to 0.9
  double jitter = 0;                             // brightness, contrast, saturation by this share; hue by this part of 90 degrees; 0 to 1
  Fill fill = Fill::nearest;
  double fill_value = 1;                         // of Fill::constant, in [-1, 1]
  bool alters() const { return flip || crop > 0 || rotation > 0 || shift > 0 || shear > 0 || zoom > 0 || jitter > 0; }
};

class Augmenter {
 public:
  /// @param channels  1 or 3, of a pair 2 or 6: both of its pictures are altered alike
  /// Throws: ConfigError for what is out of range.
  Augmenter(const AugmentOptions&, uint64_t seed, int height, int width, int channels);
  /// @param image  (height, width, channels) in [-1, 1], altered in place and still in [-1, 1]
  void operator()(float* image, int64_t epoch, int64_t position);

 private:
  void resample(float* image, bool flipped, int64_t epoch, int64_t position);
  void recolour(float* image, int64_t epoch, int64_t position);
  void recolour(float* image, size_t stride, size_t channels, int64_t epoch, int64_t position);

  AugmentOptions options_;
  int height_, width_, channels_;
  uint64_t flip_key_, key_;
  bool moves_;
  std::vector<float> before_;
};

}  // namespace weft::gan
