// The Dirac-GAN through the real trainer: data at 0, one generated point theta, a discriminator D(x) = -psi x. Everything about it is
// known: Mescheder, Geiger and Nowozin, "Which training methods for GANs do actually converge?", arXiv:1801.04406.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <complex>

#include "one_number.h"

using namespace weft;
using namespace weft::testing;

namespace {

using gan::UpdateOrder;
using Point = std::array<double, 2>;     // theta, psi

struct Setting {
  const char* objective = "minimax";
  const char* penalties = "";
  UpdateOrder order = UpdateOrder::simultaneous;
  double rate_g = 0.2, rate_d = 0.2;
  double noise = 0;                      // both points become two, so far to either side: what counts of instance noise is its second moment
};

class DiracGan {
 public:
  explicit DiracGan(const Setting& s) : context_(in_double()), gan_(context_, model_of(line_through_zero), options(s)) {
    real_ = context_.from(std::vector<double>{s.noise, -s.noise}, {2, 1, 1, 1});
    theta_ = first_parameter(gan_.generator()), psi_ = first_parameter(gan_.discriminator());
  }
  Point step(const Point& from) {
    theta_.write(std::vector<double>{from[0]}), psi_.write(std::vector<double>{-from[1]});
    gan_.step(real_, real_);
    return {theta_.item(), -psi_.item()};
  }
  Point steps(Point at, int count) {
    for (int i = 0; i < count; ++i) at = step(at);
    return at;
  }

 private:
  static gan::GanOptions options(const Setting& s) {
    gan::GanOptions o = by_descent(s.objective, s.rate_g);
    o.discriminator.learning_rate = s.rate_d;
    o.order = s.order;
    o.penalties = gan::find_penalties(s.penalties);
    return o;
  }
  Context context_;
  gan::Gan gan_;
  Tensor real_, theta_, psi_;
};

double radius(const Point& p) { return std::hypot(p[0], p[1]); }

/// The eigenvalues of one step about the equilibrium (0, 0), by central differences; the larger in modulus first.
std::array<std::complex<double>, 2> eigenvalues(const Setting& s) {
  constexpr double e = 1e-4;
  DiracGan game(s);
  double j[2][2];
  for (const int column : {0, 1}) {
    Point up{}, down{};
    up[size_t(column)] = e, down[size_t(column)] = -e;
    const Point above = game.step(up), below = game.step(down);
    for (const int row : {0, 1}) j[row][column] = (above[size_t(row)] - below[size_t(row)]) / (2 * e);
  }
  const double half_trace = (j[0][0] + j[1][1]) / 2, determinant = j[0][0] * j[1][1] - j[0][1] * j[1][0];
  const std::complex<double> root = std::sqrt(std::complex<double>(half_trace * half_trace - determinant));
  const std::complex<double> a = half_trace + root, b = half_trace - root;
  return std::abs(a) >= std::abs(b) ? std::array{a, b} : std::array{b, a};
}

double modulus(const Setting& s) { return std::abs(eigenvalues(s)[0]); }

/// Of the flow that simultaneous steps follow: (mu - 1) / h, the one of larger imaginary, or else of larger real part.
std::complex<double> flow(Setting s) {
  const auto [a, b] = eigenvalues(s);
  const std::complex<double> x = (a - 1.0) / s.rate_g, y = (b - 1.0) / s.rate_g;
  return std::abs(x.imag() - y.imag()) > 1e-4 ? (x.imag() > 0 ? x : y) : (x.real() > y.real() ? x : y);
}

void expect(const std::complex<double>& got, double real, double imaginary, double within = 1e-6) {
  CHECK(std::abs(got.real() - real) <= within);
  CHECK(std::abs(got.imag() - imaginary) <= within);
}

constexpr UpdateOrder kSimultaneous = UpdateOrder::simultaneous, kAlternating = UpdateOrder::generator_first;

}  // namespace

TEST_CASE("the trajectories of one and two hundred steps and more") {
  struct Golden {
    Setting setting;
    Point at[4];                         // after 1, 10, 100 and 500 steps from (1, 1) with h = 0.2
  };
  const Golden all[] = {
      {{"minimax", "", kSimultaneous}, {{.946211716, 1.05378828}, {.257053374, 1.41768217}, {.188107412, 1.95358857}, {-2.16161128, -2.21777540}}},
      {{"minimax", "", kAlternating}, {{.946211716, 1.05292111}, {.259600953, 1.39462309}, {-1.26990607, -.597690205}, {.686833661, 1.24400729}}},
      {{"non-saturating", "", kSimultaneous}, {{.853788284, 1.05378828}, {-.358261962, 1.20280051}, {-.121351449, -.731473603}, {.548337319, .330441056}}},
      {{"non-saturating", "", kAlternating}, {{.853788284, 1.05099486}, {-.334171469, 1.12072718}, {-.0540042824, -.573009246}, {.204888492, .196553333}}},
      {{"minimax", "r1:0.3", kSimultaneous}, {{.946211716, .993788284}, {.364932198, .891536968}, {-.0796252225, -.0588109484}, {1.11033675e-06, -2.39807935e-06}}},
      {{"minimax", "r1:0.3", kAlternating}, {{.946211716, .992921113}, {.368273854, .871809691}, {-.0505994734, -.0340764821}, {-5.16704843e-08, -2.24214538e-07}}},
      {{"minimax", "r1:1", kSimultaneous}, {{.946211716, .853788284}, {.559324894, .361038927}, {2.80024443e-04, 2.55593629e-04}, {6.7983e-22, 6.6767e-22}}},
      {{"minimax", "r1:1", kAlternating}, {{.946211716, .852921113}, {.562924696, .351045830}, {8.83287488e-04, 6.44237954e-04}, {6.0429e-17, 4.4104e-17}}},
      // the generated point lies where the data does as far as a straight line is concerned, so R2 is R1; a pair is the point against 0
      {{"minimax", "r2:0.3", kSimultaneous}, {{.946211716, .993788284}, {.364932198, .891536968}, {-.0796252225, -.0588109484}, {1.11033675e-06, -2.39807935e-06}}},
      {{"rpgan", "", kSimultaneous}, {{.853788284, 1.05378828}, {-.358261962, 1.20280051}, {-.121351449, -.731473603}, {.548337319, .330441056}}},
      {{"rpgan", "", kAlternating}, {{.853788284, 1.05099486}, {-.334171469, 1.12072718}, {-.0540042824, -.573009246}, {.204888492, .196553333}}},
  };
  for (const Golden& g : all) {
    CAPTURE(g.setting.objective);
    CAPTURE(g.setting.penalties);
    DiracGan game(g.setting);
    Point at{1, 1};
    int done = 0;
    for (const auto& each : {std::pair{1, 0}, {10, 1}, {100, 2}, {500, 3}}) {
      const auto& steps = each.first;
      const auto& i = each.second;
      at = game.steps(at, steps - done);
      done = steps;
      CAPTURE(steps);
      for (const size_t side : {0, 1}) {
        const double golden = g.at[i][side];
        CHECK(std::abs(at[side] - golden) <= 1e-6);
        CHECK(std::abs(at[side] - golden) <= (std::abs(golden) < 1e-15 ? 1e-4 : 1e-6) * std::abs(golden));   // those were given to five digits
      }
    }
  }
  // the discriminator first is the generator first, but for half a step before it
  DiracGan d_first({"minimax", "", UpdateOrder::discriminator_first});
  const Point ninth = d_first.steps({.946211716, 1}, 9);
  CHECK(std::abs(ninth[0] - .259600953) <= 1e-6);
  CHECK(std::abs(d_first.step(ninth)[1] - 1.39462309) <= 1e-6);
  // relativistic averages add both logits' parts, and so do all things at half the rate what a pair does
  Setting averages{"ragan"};
  averages.rate_g = averages.rate_d = 0.1;
  const Point at = DiracGan(averages).steps({1, 1}, 100);
  CHECK(std::abs(at[0] - -.121351449) <= 1e-6);
  CHECK(std::abs(at[1] - -.731473603) <= 1e-6);
}

TEST_CASE("eigenvalues of the flow about the equilibrium") {
  expect(flow({"minimax"}), 0, 0.5);
  expect(flow({"non-saturating"}), 0, 0.5);
  expect(flow({"rpgan"}), 0, 0.5);
  expect(flow({"wasserstein"}), 0, 1);
  for (const char* which : {"r1", "r2"}) {
    const std::string name = which;
    expect(flow({"minimax", (name + ":0.3").c_str()}), -0.15, 0.476970);
    const auto critical = flow({"minimax", (name + ":1").c_str()});   // a double root: the error of the differences comes out as its square root
    CHECK(std::abs(critical - std::complex<double>(-0.5)) <= 1e-3);
    expect(flow({"minimax", (name + ":2").c_str()}), -0.133975, 0);
  }
  const auto noisy = [](double sigma) {
    Setting s;
    s.noise = sigma;
    return s;
  };
  expect(flow(noisy(0.7)), -0.1225, 0.484762);
  expect(flow(noisy(1)), -0.25, 0.433013);
  expect(flow(noisy(2)), -0.133975, 0);
  const auto with_noise = flow(noisy(0.6)), with_r1 = flow({"minimax", "r1:0.18"});   // sigma^2 / 2
  CHECK(std::abs(with_noise - with_r1) <= 1e-6);
}

TEST_CASE("which step lengths are stable") {
  const auto at_rate = [](double h, const char* penalties, UpdateOrder order) { return Setting{"minimax", penalties, order, h, h}; };
  // simultaneous, nothing else: unstable at every length
  CHECK(modulus(at_rate(0.2, "", kSimultaneous)) == doctest::Approx(1.004988).epsilon(1e-6));
  for (const double h : {0.01, 0.2, 1.0, 3.0}) CHECK(modulus(at_rate(h, "", kSimultaneous)) == doctest::Approx(std::sqrt(1 + h * h / 4)).epsilon(1e-6));
  // alternating: neutral up to a geometric mean of 4
  for (const auto& [h_g, h_d] : {std::pair{0.2, 0.2}, {1.0, 2.0}, {3.9, 3.9}, {2.0, 7.9}}) {
    const auto [a, b] = eigenvalues({"minimax", "", kAlternating, h_g, h_d});
    CHECK(std::abs(a) == doctest::Approx(1).epsilon(1e-6));
    CHECK(std::abs(a * b - 1.0) <= 1e-6);
    CHECK(std::abs(a + b - (2 - h_g * h_d / 4)) <= 1e-5);
  }
  CHECK(modulus({"minimax", "", kAlternating, 4.1, 4.1}) > 1.01);
  CHECK(modulus({"minimax", "", kAlternating, 2.0, 8.4}) > 1.01);
  // simultaneous with R1: up to 4 gamma
  CHECK(modulus(at_rate(1.19, "r1:0.3", kSimultaneous)) == doctest::Approx(.997).epsilon(1e-3));
  CHECK(modulus(at_rate(1.21, "r1:0.3", kSimultaneous)) == doctest::Approx(1.003).epsilon(1e-3));
  for (const double h : {0.2, 1.19, 1.21}) CHECK(modulus(at_rate(h, "r1:0.3", kSimultaneous)) == doctest::Approx(std::sqrt(1 - 0.3 * h + h * h / 4)).epsilon(1e-6));
  // alternating with R1: determinant 1 - h gamma, trace 2 - h^2/4 - h gamma; stable while 4 - 2 h gamma - h^2/4 > 0
  for (const double h : {0.2, 1.0, 3.4, 3.5}) {
    const auto [a, b] = eigenvalues(at_rate(h, "r1:0.3", kAlternating));
    CHECK(std::abs(a * b - (1 - 0.3 * h)) <= 1e-5);
    CHECK(std::abs(a + b - (2 - h * h / 4 - 0.3 * h)) <= 1e-5);
    CHECK((std::abs(a) < 1) == (4 - 0.6 * h - h * h / 4 > 0));
  }
}

TEST_CASE("where each method is after a long time") {
  const auto after = [](const Setting& s, int steps) { return radius(DiracGan(s).steps({1, 1}, steps)); };
  CHECK(after({"minimax", "", kSimultaneous}, 1000) == doctest::Approx(3.62).epsilon(0.005));
  CHECK(after({"minimax", "", kSimultaneous}, 5000) == doctest::Approx(4.24).epsilon(0.005));
  CHECK(after({"non-saturating", "", kAlternating}, 1000) == doctest::Approx(.2025).epsilon(0.001));
  CHECK(after({"non-saturating", "", kAlternating}, 5000) == doctest::Approx(.0880).epsilon(0.001));
  CHECK(after({"wasserstein", "clip:1", kSimultaneous}, 500) == doctest::Approx(1.002).epsilon(0.001));
  CHECK(after({"wasserstein", "clip:1", kAlternating}, 500) == doctest::Approx(1.024).epsilon(0.001));
  CHECK(after({"wasserstein", "wgan-gp:0.35", kSimultaneous}, 500) == doctest::Approx(1.80).epsilon(0.005));   // there the weight is halved
  CHECK(after({"wasserstein", "wgan-gp:0.35", kAlternating}, 500) == doctest::Approx(1.22).epsilon(0.005));
  {
    DiracGan game({"minimax", "", kAlternating});
    Point at{1, 1};
    double least = 9, most = 0;
    for (int i = 0; i < 5000; ++i) at = game.step(at), least = std::min(least, radius(at)), most = std::max(most, radius(at));
    CHECK(least == doctest::Approx(1.34353).epsilon(1e-5));         // worked out apart, as the plain recursion
    CHECK(most == doctest::Approx(1.42776).epsilon(1e-5));          // and on its way to 1.604, after 100,000 steps
  }
  {
    DiracGan game({"non-saturating", "", kSimultaneous});
    Point at = game.steps({1, 1}, 2000);
    double least = 9, most = 0;
    for (int i = 0; i < 500; ++i) at = game.step(at), least = std::min(least, radius(at)), most = std::max(most, radius(at));
    CHECK(least == doctest::Approx(0.62378).epsilon(1e-5));
    CHECK(most == doctest::Approx(0.63966).epsilon(1e-5));
  }
  for (const auto& [order, rate] : {std::pair{kSimultaneous, std::sqrt(.95)}, {kAlternating, std::sqrt(.94)}}) {   // R1 of 0.3, a step
    DiracGan game({"minimax", "r1:0.3", order});
    const Point from = game.steps({1, 1}, 300), to = game.steps(from, 200);
    CHECK(std::pow(radius(to) / radius(from), 1 / 200.0) == doctest::Approx(rate).epsilon(0.002));
  }
}
