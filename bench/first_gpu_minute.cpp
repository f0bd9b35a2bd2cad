// The first minute on a GPU: is what this program computes there right? Without any package, by a program built elsewhere.
//
//   agreement   every case of every op against the plain loops, in each precision, by the rules of tests/kernels/agreement.h
//   bfloat16    the same with arrays in bfloat16, as activations are in precision bf16
//   sim         the same kernels on the processor: the same bits, on whole numbers in every precision, and in fp32 on real ones
//               too, for nothing is fused or reordered that the source does not say. Point-wise functions that call a C library
//               are counted and may differ: CUDA has its own.
//   training    five small DCGAN steps, whose losses are those of the plain loops to 1e-4
//   capture     in each precision, six steps as one recorded graph and six as single launches: the same parameters, bit for bit
//
//   bench_first_gpu_minute [--device cuda] [--seconds 60] [--out bench/results]
//
// Ends with 0 if all was right, 1 if anything was wrong, 3 if there is no such device, 4 if the time was over before all was tried; what it found is in OUT/NAME-first-minute.json.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "cases/cases.h"
#include "kernel_cases.h"
#include "results.h"
#include "weft/gan/trainer.h"
#include "weft/tensor/random_stream.h"

using namespace weft;
using namespace weft::testing;

namespace {

using Clock = std::chrono::steady_clock;

class Minute {
 public:
  Minute(const std::string& device, double seconds) : machine_(device, 0), seconds_(seconds) {
    for (const auto& some : {every_case(), kernel_cases()}) cases_.insert(cases_.end(), some.begin(), some.end());
    std::printf("%s\n", machine_.describe().c_str());
    found_ = {{"name", machine_.name()}, {"device", machine_.backend().device->name}, {"describe", machine_.describe()}, {"date", bench::utc_now()},
              {"checks", bench::Json::array()}, {"wrong", bench::Json::array()}};
  }

  /// Runs every case with these `ops` (all if empty); `check` returns what is wrong, or "".
  void over_cases(const char* what, Precision precision, const std::set<std::string>& ops, const std::function<std::string(const Case&)>& check) {
    int tried = 0, wrong = 0, skipped = 0;
    const auto start = Clock::now();
    for (const Case& c : cases_) {
      if (!ops.empty() && !ops.count(c.op)) continue;
      if (precision != Precision::fp32 && c.name.rfind("65537 of", 0) == 0) continue;   // as many blocks again: minutes on sim
      if (elapsed() > seconds_) { ++skipped; continue; }
      std::string text;
      try {
        text = check(c);
      } catch (const std::exception& e) {
        text = c.op + " (" + c.name + "): " + e.what();
      }
      ++tried;
      if (!text.empty() && ++wrong <= 10) complain(std::string(what) + ", " + bench::precision_names[int(precision)] + ": " + text);
    }
    told(what, bench::precision_names[int(precision)], tried, wrong, skipped, seconds_since(start));
  }

  void agreement() {
    for (const Precision precision : machine_.precisions()) {
      Session session(machine_.backend(), options(precision));
      over_cases("agreement", precision, precision == Precision::fp32 ? std::set<std::string>{} : products, [&](const Case& c) { return disagreement(session, c); });
    }
  }

  /// With arrays in bfloat16, as activations are in precision bf16.
  void narrow() {
    if (!machine_.is("cuda") && !machine_.is("sim")) return;
    Session session(machine_.backend(), options(Precision::bf16));
    std::set<std::string> ops;
    for (const Case& c : cases_) if (!testing::bf16_choices(c.op).empty()) ops.insert(c.op);
    size_t number = 0;
    over_cases("bfloat16", Precision::bf16, ops, [&](const Case& c) -> std::string {
      const std::vector<unsigned> choices = testing::bf16_choices(c.op);
      return c.scalars_per_element == 1 ? disagreement_in_bf16(session, c, choices[number++ % choices.size()]) : "";
    });
  }

  void twin() {
    if (!machine_.is("cuda") && !machine_.is("sim")) return;       // other kernels, other bits
    const Backend* sim = find_backend("sim", DType::f32);
    if (!sim || !sim->device->unavailable().empty()) return complain("sim: this program has none, so its bits were not compared");
    int may_differ = 0;
    for (const Precision precision : machine_.precisions()) {
      Session here(machine_.backend(), options(precision)), there(*sim, options(precision));
      over_cases("sim", precision, precision == Precision::fp32 ? std::set<std::string>{} : products, [&](const Case& c) -> std::string {
        if (precision != Precision::fp32 && c.rule != testing::Rule::exact) return "";
        const Values a = run_case(here, c, 0).values, b = run_case(there, c, 0).values;
        for (size_t i = 0; i < a.size(); ++i)
          for (size_t j = 0; j < a[i].size(); ++j) {
            if (a[i][j] == b[i][j] || (std::isnan(a[i][j]) && std::isnan(b[i][j]))) continue;
            if (c.op == "pointwise" && c.rule != testing::Rule::exact) return ++may_differ, "";
            char values[96];
            std::snprintf(values, sizeof values, "output %zu[%zu] is %.9g, on sim %.9g", i, j, a[i][j], b[i][j]);
            return c.op + " (" + c.name + "): " + values;
          }
        return "";
      });
    }
    found_["pointwise_cases_with_other_bits"] = may_differ;
    if (may_differ) std::printf("   of them %d point-wise cases with other bits, whose functions are CUDA's own\n", may_differ);
  }

  void training() {
    const auto start = Clock::now();
    const gan::Gauges here = trained(machine_.backend().device->name, Precision::fp32, gan::CaptureSteps::automatic, 5)->gauges();
    const gan::Gauges plain = trained("reference", Precision::fp32, gan::CaptureSteps::off, 5)->gauges();
    int wrong = 0;
    for (const auto& [a, b] : {std::pair{here["loss_d"], plain["loss_d"]}, std::pair{here["loss_g"], plain["loss_g"]}})
      if (!(std::abs(a - b) <= 1e-4 * std::abs(b))) {
        char text[96];
        std::snprintf(text, sizeof text, "training: a loss is %.7g, by the plain loops %.7g", a, b);
        complain(text), ++wrong;
      }
    told("training", "fp32", 2, wrong, 0, seconds_since(start));
  }

  void capture() {
    for (const Precision precision : machine_.precisions()) {
      const auto start = Clock::now();
      const auto sum = [&](gan::CaptureSteps how) { return trained(machine_.backend().device->name, precision, how, 6)->parameters_sha256(); };
      const bool same = sum(gan::CaptureSteps::on) == sum(gan::CaptureSteps::off);
      if (!same) complain(std::string("capture, ") + bench::precision_names[int(precision)] + ": recorded steps end in other parameters");
      told("capture", bench::precision_names[int(precision)], 1, !same, 0, seconds_since(start));
    }
  }

  /// @return the exit code
  int finish(const std::string& folder) {
    found_["seconds"] = elapsed();
    std::filesystem::create_directories(folder);
    const std::filesystem::path file = std::filesystem::path(folder) / (bench::slug(machine_.name()) + "-first-minute.json");
    std::ofstream out(file);
    out << found_.dump(1) << '\n';
    out.close();
    const bool right = found_["wrong"].empty();
    std::printf("%s after %.0f s; kept in %s\n", !right ? "WRONG" : reached_all_ ? "all right" : "all right as far as it got", elapsed(), out ? file.string().c_str() : "nothing: that file cannot be written");
    return !right ? 1 : reached_all_ ? 0 : 4;
  }

 private:
  static inline const std::set<std::string> products{"matmul", "conv2d", "conv2d_input_grad", "conv2d_weight_grad"};
  static QueueOptions options(Precision precision) {
    QueueOptions o;
    o.precision = precision;
    return o;
  }
  static double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
  double elapsed() const { return seconds_since(start_); }

  static std::unique_ptr<gan::Gan> trained(const std::string& device, Precision precision, gan::CaptureSteps capture, int steps) {
    const Context context = Context::open(device, {.precision = precision});
    gan::GanOptions o;
    o.model = {16, 3, 8, 16};
    o.objective = &gan::find_objective("non-saturating");
    o.capture = capture;
    auto model = std::make_unique<gan::Gan>(context, gan::find_model("dcgan"), o);
    const Tensor real = context.uniform({8, 16, 16, 3}, stream_key(0, "real")) * 2 - 1;
    for (int i = 0; i < steps; ++i) model->step(real);
    return model;
  }

  void complain(const std::string& text) {
    std::printf("   %s\n", text.c_str());
    found_["wrong"].push_back(text);
  }
  void told(const char* what, const char* precision, int tried, int wrong, int skipped, double seconds) {
    if (skipped) reached_all_ = false;
    std::printf("%-10s %-7s %5d cases, %d wrong%s, %.1f s\n", what, precision, tried, wrong, skipped ? (", " + std::to_string(skipped) + " not reached").c_str() : "", seconds);
    std::fflush(stdout);
    found_["checks"].push_back({{"what", what}, {"precision", precision}, {"cases", tried}, {"wrong", wrong}, {"not_reached", skipped}, {"seconds", seconds}});
  }

  bench::Machine machine_;
  double seconds_;
  Clock::time_point start_ = Clock::now();
  std::vector<Case> cases_;
  bench::Json found_;
  bool reached_all_ = true;
};

}  // namespace

int main(int argc, char** argv) {
  std::string device = "cuda", out = "bench/results";
  double seconds = 60;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc || (flag != "--device" && flag != "--seconds" && flag != "--out")) {
      std::fprintf(stderr, "bench_first_gpu_minute [--device cuda] [--seconds 60] [--out bench/results]\n");
      return flag == "-h" || flag == "--help" ? 0 : 2;
    }
    if (flag == "--device") device = argv[i + 1];
    if (flag == "--out") out = argv[i + 1];
    if (flag == "--seconds") {
      char* end = nullptr;
      seconds = std::strtod(argv[i + 1], &end);
      if (!(seconds > 0) || *end) {
        std::fprintf(stderr, "first_gpu_minute: --seconds %s is not a number above 0\n", argv[i + 1]);
        return 2;
      }
    }
  }
  try {
    Minute minute(device, seconds);
    minute.agreement();
    minute.narrow();
    minute.training();
    minute.capture();
    minute.twin();
    return minute.finish(out);
  } catch (const DeviceError& e) {
    std::fprintf(stderr, "first_gpu_minute: %s\n", e.what());
    return 3;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "first_gpu_minute: %s\n", e.what());
    return 1;
  }
}
