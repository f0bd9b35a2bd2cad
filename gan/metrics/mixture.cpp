#include "weft/gan/mixture.h"

#include <cmath>
#include <numbers>

#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr double kHighQuality = 3;       // deviations from the centre

Mixture ring8() {
  Mixture ring{"ring8", {}, 0.01, std::vector<double>(8, 1.0 / 8)};
  for (int k = 0; k < 8; ++k) {          // eight of eight steps: a range that ends at 2 pi would put two modes at the same place
    const double angle = 2 * std::numbers::pi * k / 8;
    ring.centres.push_back({std::cos(angle), std::sin(angle)});
  }
  return ring;
}

Mixture grid25() {
  Mixture grid{"grid25", {}, 0.05, std::vector<double>(25, 1.0 / 25)};
  for (int x = -4; x <= 4; x += 2)
    for (int y = -4; y <= 4; y += 2) grid.centres.push_back({double(x), double(y)});
  return grid;
}

}  // namespace

const std::vector<Mixture>& mixtures() {
  static const std::vector<Mixture> all = {ring8(), grid25()};
  return all;
}

const Mixture* find_mixture(const std::string& name) {
  for (const Mixture& m : mixtures())
    if (name == m.name) return &m;
  return nullptr;
}

Spread spread_of(const Mixture& m) {
  Spread s{};
  for (int axis = 0; axis < 2; ++axis) {
    for (size_t k = 0; k < m.centres.size(); ++k) s.mean[axis] += m.weights[k] * m.centres[k][axis];
    double square = m.deviation * m.deviation;
    for (size_t k = 0; k < m.centres.size(); ++k) square += m.weights[k] * std::pow(m.centres[k][axis] - s.mean[axis], 2);
    s.deviation[axis] = std::sqrt(square);
  }
  return s;
}

MixtureScore score(const Mixture& m, const std::vector<float>& xy) {
  if (xy.empty() || xy.size() % 2) throw DataError("a score of " + std::to_string(xy.size()) + " numbers; samples are pairs x, y, and at least one");
  struct Mode { int64_t near = 0, good = 0; Point sum{}, squares{}; };         // of offsets from the centre
  std::vector<Mode> modes(m.centres.size());
  MixtureScore s;
  s.samples = int64_t(xy.size() / 2);
  int64_t good = 0;
  for (size_t i = 0; i < xy.size(); i += 2) {
    if (!std::isfinite(xy[i]) || !std::isfinite(xy[i + 1])) continue;
    size_t nearest = 0;
    double least = INFINITY;
    for (size_t k = 0; k < modes.size(); ++k) {
      const double distance = std::hypot(xy[i] - m.centres[k][0], xy[i + 1] - m.centres[k][1]);
      if (distance < least) least = distance, nearest = k;
    }
    Mode& mode = modes[nearest];
    ++mode.near;
    if (!(least < kHighQuality * m.deviation)) continue;
    ++mode.good, ++good;
    for (int axis = 0; axis < 2; ++axis) {
      const double offset = xy[i + size_t(axis)] - m.centres[nearest][axis];
      mode.sum[axis] += offset, mode.squares[axis] += offset * offset;
    }
  }
  double squares = 0;
  for (size_t k = 0; k < modes.size(); ++k) {
    const Mode& mode = modes[k];
    s.worst_weight = std::max(s.worst_weight, std::fabs(double(mode.near) / double(s.samples) / m.weights[k] - 1));
    if (mode.good == 0) continue;
    ++s.modes;
    const double share = double(mode.good) / double(good);
    s.reverse_kl += share * std::log(share / m.weights[k]);
    for (int axis = 0; axis < 2; ++axis) squares += mode.squares[axis] - mode.sum[axis] * mode.sum[axis] / double(mode.good);
  }
  s.high_quality = double(good) / double(s.samples);
  s.deviation = good ? std::sqrt(std::max(0.0, squares) / double(2 * good)) / m.deviation : 0;
  s.kl_floor = good ? double(modes.size() - 1) / double(2 * good) : NAN;
  if (good == 0) s.reverse_kl = NAN;
  return s;
}

}  // namespace weft::gan
