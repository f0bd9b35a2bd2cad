// Style transfer by a feature network: the content and style losses of Gatys, Ecker and Bethge (arXiv:1508.06576).
//
// The content is what a tap of the network holds, place by place. The style is which channels of a tap are active together, wherever
// in the picture: the Gram matrix of the tap's rows, G = F^T F / (H W), (C,C), at the first tap of each stage; and, of the pixels themselves,
// which colours there are: a network that was taught to look past colours does not tell.
#pragma once
#include <memory>
#include <vector>

#include "style/transfer_level.h"

namespace weft::gan {

/// F^T F / (H W) of features (1,H,W,C); each place counted `share` (1,H,W,1) times where that is given: (C,C).
Tensor gram(const Tensor& features, const Tensor& share = {});

/// Mean squared difference of neighbouring pixels, in both directions.
Tensor total_variation(const Tensor& pixels);

/// Styles for a part of the picture.
struct GramRegion {
  struct Style { Tensor pixels; double weight; };                   // (1,H,W,3) in [-1, 1]; only the weights' ratios count
  std::vector<Style> styles;
  Tensor share = {};                                                // (1,h,w,1) of the content's size: 1 inside, 0 outside; empty: everywhere
};

class GramLoss {
 public:
  /// @param content   (1,h,w,3) in [-1, 1]
  /// @param strength  0: the content as it is; 1: the style alone
  /// Each loss is counted in what it is at the start: style, at each tap and in each region by itself, in the distance of the content;
  /// content in the distance of the styles' pictures. So a strength means much the same whatever the network's weights.
  GramLoss(std::shared_ptr<const FeatureNetwork> network, const Tensor& content, const std::vector<GramRegion>& regions, double strength);

  /// Scalars. total = (1 - strength) content + strength style + a little smoothness.
  struct Terms { Tensor content, style, smoothness, total; };
  Terms operator()(const Tensor& pixels) const;

 private:
  Tensors seen(const Tensor& pixels) const;
  struct Target { size_t tap; Tensor gram, share; double unit; };
  std::shared_ptr<const FeatureNetwork> network_;
  std::vector<std::string> names_;                                  // of the style taps, and of the content tap last
  std::vector<Target> targets_;                                     // of all regions: palette and style taps
  Tensor content_;                                                  // features
  double content_unit_, strength_;
};

/// One level of a transfer: a picture at one size, moved step by step towards less loss.
///
/// What Adam moves is not the pixels but a pyramid of changes to them, each half as large as the one before, so that wide changes come as
/// easily as fine ones and strokes appear where pixels alone would make noise; and not red, green and blue, but colours along the
/// axes of the style's own palette, so that no colour appears which the style has not.
class GramLevel : public Level {
 public:
  /// @param start  (1,h,w,3) in [-1, 1]
  GramLevel(GramLoss loss, const Tensor& start, const Tensor& palette, int steps);
  /// The next of the steps. The rate falls to 0 over the second half, in place of an average of the iterates.
  void step(int = 0) override;
  double gap() const override { return terms_.style.item(); }       // before the last step

 private:
  struct Change { Tensor value, m, v; };
  GramLoss loss_;
  Tensor start_, palette_;                                          // (3,3)
  std::vector<Change> changes_;
  GramLoss::Terms terms_;
  int steps_, done_ = 0;
  Tensor changed(const Tensors& changes) const;
};

/// The lower triangular root of the covariance of all pixels, transposed, in units of its mean deviation: row vectors of independent
/// numbers times this have the pictures' palette. (3,3)
Tensor palette_root(const Tensors& pictures);

}  // namespace weft::gan
