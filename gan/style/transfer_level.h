// One level of a transfer: a picture at one size, moved step by step towards its styles.
#pragma once
#include <array>
#include <memory>
#include <optional>

#include "style/patches.h"
#include "weft/gan/sheet.h"
#include "weft/gan/transfer.h"

namespace weft::gan {

// Patches are compared in four grids, every second patch down and across, each grid along directions of its own: a quarter of the work
// a direction, so four times as many of them. Neighbours say nearly the same along one direction, and another one is news.
constexpr int kTransferStride = 2, kTransferGrids = kTransferStride * kTransferStride;
constexpr int kTransferDirections = 16;          // a step and grid
constexpr int kTransferRandom = 3;               // of them, and as many of one colour; the others are waves
constexpr int kStripRows = 58;                   // of patches; with the six that reach beyond, 64 rows of pixels

/// Longer side `longer`, but no side so short that it has no patch.
Image fitted(const Image& image, int longer);

/// Of a style whose longer side is this.
double style_pixels(const Image& style, double longer);

/// Of a style of so many pixels, which patches a grid takes, down and across: enough for the lists of a part, and not more than some thousand.
int style_stride(double pixels, double brush, const TransferPlan& plan);
constexpr double kStylePatches = 4000;           // of all grids, at least

/// What both methods are made of.
class Level {
 public:
  virtual ~Level() = default;
  virtual void step(int number) = 0;
  virtual double gap() const = 0;                // TransferProgress::distance
  Tensor picture;                                // (1, h, w, 3)

 protected:
  explicit Level(const Tensor& start) : picture(start) {}
};

/// Method gram.
/// @param start    where the pixels begin
/// @param content  what is to be kept: (1, h, w, 3), as `start`
std::unique_ptr<Level> gram_level(const Tensor& start, const Tensor& content, const TransferJob& job, const TransferPlan& plan);
constexpr int kGramSteps = 60;                   // a level
/// Of tensors, at most, for a picture of h x w.
size_t gram_bytes(const TransferJob& job, int h, int w);

class TransferLevel : public Level {
 public:
  TransferLevel(const Context& context, const Tensor& start, const TransferJob& job, const TransferPlan& plan);

  /// Moves the pixels once, part after part. `number` shifts the strips.
  void step(int number) override;
  /// Root of the mean squared gap that the last step found. Waits for the device.
  double gap() const override;

 private:
  struct Region {
    std::vector<PatchTarget::Part> parts;
    std::vector<int32_t> pixels;                 // empty: all
    struct Compared {
      std::optional<PatchTarget> with;
      int64_t patches = 0;                       // that it was made for
    };
    std::array<Compared, kTransferGrids> grids;
  };
  Tensor directions() const;
  std::optional<PatchSource> source(const Tensor& x, const Region& region, const std::vector<int32_t>& rows, int grid) const;
  std::optional<Tensor> gradient(Region& region, const Tensor& seen, const std::vector<int32_t>& rows, int grid, int number, const Tensor& directions);
  Tensor seen_of(const Tensor& whole, const std::vector<int32_t>& rows) const;
  void write_back(const Tensor& strips, const std::vector<int32_t>& rows) const;

  Context context_;
  TransferPlan plan_;
  uint64_t stream_, tinted_, waves_;
  int height_, width_;
  double hold_, enough_;                         // weight of the content's light and shade at a level's first step; mean likeness that needs none
  Tensor light_;                                 // the content's: (1, h, w, 1); empty where hold_ is 0
  Tensor moved_;                                 // 1 in the regions: (1, h, w, 1); empty where there are no masks
  double hues_[2];                               // roots of the styles' standard deviations in red against blue, and in green against both, as shares of grey's
  int done_ = 0;                                 // steps
  std::vector<Region> regions_;
  Tensor squares_;                               // summed over the last step's gaps
  int64_t gaps_ = 0;
};

}  // namespace weft::gan
