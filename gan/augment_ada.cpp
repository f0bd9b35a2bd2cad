// Karras et al., arXiv:2006.06676, appendix B, with the constants of the authors' code. Theirs filters on twice the resolution; here the moved picture
// is interpolated bilinearly from its own pixels, and one that is not moved is left alone to the bit.
#include <cmath>

#include "augment_draws.h"
#include "data/drawing.h"

namespace weft::gan {
namespace {

/// Each part's gate, then its own numbers.
enum Word : int {
  kFlip, kFlipIs, kTurn, kTurns, kMove, kMoveX, kMoveY, kScale, kScaleBy, kRotateBefore, kAngleBefore, kStretch, kStretchBy, kRotateAfter, kAngleAfter,
  kShift, kShiftX, kShiftY, kBrightness, kBrightnessBy, kContrast, kContrastBy, kLumaFlip, kLumaFlipIs, kHue, kHueAngle, kSaturation, kSaturationBy
};

/// A place of the picture from a place of the result, both in pixels from their middle.
struct Affine {
  double xx = 1, xy = 0, x0 = 0, yx = 0, yy = 1, y0 = 0;
  Affine after(const Affine& b) const {  // b first
    return {xx * b.xx + xy * b.yx, xx * b.xy + xy * b.yy, xx * b.x0 + xy * b.y0 + x0, yx * b.xx + yy * b.yx, yx * b.xy + yy * b.yy, yx * b.x0 + yy * b.y0 + y0};
  }
};

Affine scaled(double x, double y) { return {1 / x, 0, 0, 0, 1 / y, 0}; }
Affine moved(double x, double y) { return {1, 0, -x, 0, 1, -y}; }
Affine turned(float turns) {
  const auto [sine, cosine] = Turned(turns);
  return {cosine, -sine, 0, sine, cosine, 0};
}

class Parts {
 public:
  Parts(const std::string& policy, double probability, const SampleDraws& draws) : policy_(policy), p_(probability), draws_(draws) {}

  Affine geometry(int height, int width) const {
    Affine from;
    if (has_part(policy_, "blit")) {
      if (drawn(kFlip) && draws_.below(kFlipIs, 2)) from = from.after(scaled(-1, 1));
      if (drawn(kTurn)) from = from.after(turned(0.25f * float(draws_.below(kTurns, 4))));
      if (drawn(kMove)) from = from.after(moved(std::round(range(kMoveX) * 0.125 * width), std::round(range(kMoveY) * 0.125 * height)));
    }
    if (!has_part(policy_, "geom")) return from;
    const double once_of_two = 1 - std::sqrt(1 - p_);                // so that a picture is turned at all with probability p
    if (drawn(kScale)) from = from.after(scaled(power(kScaleBy, 0.2), power(kScaleBy, 0.2)));
    if (drawn(kRotateBefore, once_of_two)) from = from.after(turned(draws_.uniform(kAngleBefore)));
    if (drawn(kStretch)) from = from.after(scaled(power(kStretchBy, 0.2), 1 / power(kStretchBy, 0.2)));
    if (drawn(kRotateAfter, once_of_two)) from = from.after(turned(draws_.uniform(kAngleAfter)));
    if (drawn(kShift)) from = from.after(moved(draws_.normal(kShiftX) * 0.125 * width, draws_.normal(kShiftY) * 0.125 * height));
    return from;
  }

  /// y = colour x + offset, of the channels as a column. With v the direction of grey: brightness + x; contrast x; I - 2 v v' mirrors luma; a turn
  /// about v; v v' + saturation (I - v v').
  struct Colour { double matrix[3][3], offset[3]; };
  Colour colours(bool grey) const {
    Colour c{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}};
    if (!has_part(policy_, "color")) return c;
    if (drawn(kBrightness))
      for (double& v : c.offset) v += 0.2 * draws_.normal(kBrightnessBy);
    if (drawn(kContrast)) times(c, power(kContrastBy, 0.5), 0, 0);
    if (drawn(kLumaFlip) && draws_.below(kLumaFlipIs, 2)) times(c, 1, -2, 0);
    if (grey) return c;
    if (drawn(kHue)) {
      const auto [sine, cosine] = Turned(draws_.uniform(kHueAngle));
      times(c, cosine, 1 - cosine, sine);
    }
    if (drawn(kSaturation)) {
      const double s = power(kSaturationBy, 1);
      times(c, s, 1 - s, 0);
    }
    return c;
  }

 private:
  bool drawn(int word) const { return drawn(word, p_); }
  bool drawn(int word, double probability) const { return draws_.uniform(word) < probability; }
  double range(int word) const { return 2 * draws_.uniform(word) - 1; }
  double power(int word, double deviation) const { return std::exp2(deviation * draws_.normal(word)); }

  /// c = (along I + grey v v' + cross [v]) c: every matrix that leaves the direction of grey where it is.
  static void times(Colour& c, double along, double grey, double cross) {
    const Colour b = c;
    const double turn = cross / std::sqrt(3.0);
    for (int i = 0; i < 3; ++i) {
      const int next = (i + 1) % 3, last = (i + 2) % 3;
      const auto row = [&](double x0, double x1, double x2) { return along * x0 + grey / 3 * (x0 + x1 + x2) + turn * (x2 - x1); };
      for (int j = 0; j < 3; ++j) c.matrix[i][j] = row(b.matrix[i][j], b.matrix[next][j], b.matrix[last][j]);
      c.offset[i] = row(b.offset[i], b.offset[next], b.offset[last]);
    }
  }

  const std::string& policy_;
  double p_;
  const SampleDraws& draws_;
};

/// c b | a b c | b a: what is seen beyond the edge, which is not repeated.
int mirrored(int i, int side) {
  if (i >= 0 && i < side) return i;
  const int period = 2 * (side - 1), at = ((i % period) + period) % period;
  return at < side ? at : period - at;
}

/// std::floor, which is a function call where the processor may be an old one.
int whole(double x) {
  const int towards_zero = int(x);
  return towards_zero - (double(towards_zero) > x);
}

/// Where each pixel of the result comes from: the four round its place, by their nearness.
void fill_places(const Affine& from, const Alteration& a) {
  const double middle_y = (a.height - 1) / 2.0, middle_x = (a.width - 1) / 2.0;
  int32_t* place = a.places;
  float* weight = a.weights;
  for (int y = 0; y < a.height; ++y)
    for (int x = 0; x < a.width; ++x, place += 4, weight += 4) {
      const double out_x = x - middle_x, out_y = y - middle_y;
      const double in_x = from.xx * out_x + from.xy * out_y + from.x0 + middle_x, in_y = from.yx * out_x + from.yy * out_y + from.y0 + middle_y;
      const int left = whole(in_x), top = whole(in_y);
      const double right_share = in_x - left, low_share = in_y - top;
      const int columns[] = {mirrored(left, a.width), mirrored(left + 1, a.width)}, rows[] = {mirrored(top, a.height) * a.width, mirrored(top + 1, a.height) * a.width};
      place[0] = rows[0] + columns[0], place[1] = rows[0] + columns[1], place[2] = rows[1] + columns[0], place[3] = rows[1] + columns[1];
      weight[0] = float((1 - right_share) * (1 - low_share)), weight[1] = float(right_share * (1 - low_share));
      weight[2] = float((1 - right_share) * low_share), weight[3] = float(right_share * low_share);
    }
}

}  // namespace

void draw_ada(const std::string& policy, double probability, const SampleDraws& draws, const Alteration& a) {
  const Parts parts(policy, probability, draws);
  fill_places(parts.geometry(a.height, a.width), a);
  const bool grey = a.channels == 1;
  const Parts::Colour c = parts.colours(grey);
  for (int from_channel = 0; from_channel < a.channels; ++from_channel)
    for (int to = 0; to < a.channels; ++to) a.colour[from_channel * a.channels + to] = float(grey ? c.matrix[0][0] + c.matrix[0][1] + c.matrix[0][2] : c.matrix[to][from_channel]);
  for (int to = 0; to < a.channels; ++to) a.offset[to] = float(c.offset[to]);
  *a.towards = 0;
}

}  // namespace weft::gan
