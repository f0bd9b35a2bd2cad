// What a benchmark found, as rows; the roofline they are held against; and the file that keeps them.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "machine.h"

namespace weft::bench {

using Json = nlohmann::ordered_json;

struct Row {
  enum class Kind { product, layer, stream, step } kind = Kind::layer;   // bound by arithmetic or memory; a whole training step
  std::string id, what;            // "S14", "CycleGAN R256"
  std::string pass;                // of a layer: forward, input_grad, weight_grad
  std::string precision = "fp32";
  std::string kernels;             // what was launched
  bool shrunk = false;             // fewer images and pixels than the id says: a slow device's rehearsal
  double flops = 0, bytes = 0;     // a launch must compute, and must move
  Timing warm, cold;               // of a step: warm alone
  std::optional<Timing> vendor;    // warm, measured in turn with ours
  std::string vendor_plan;
  std::optional<double> vendor_error;
  std::optional<double> error;     // against float64: root mean square of the difference over that of the result
  std::optional<bool> same_bits;   // in two launches
  double images_per_second = 0, launches = 0, peak_bytes = 0;   // of a step
};

class Results {
 public:
  /// @param folder  where NAME.json and NAME.html go, made if missing; empty: nowhere
  Results(const Machine& machine, const std::string& folder, const std::string& command);

  void add(Row row);               // and writes the file anew
  void finish(const std::string& why_early);   // empty: everything was measured
  const std::vector<Row>& rows() const { return rows_; }

  /// The shortest time for what a row computes and moves, in microseconds, by the best that was seen on this device in this
  /// run: the fastest product of its precision, ours or a vendor's, and the fastest copy. 0 as long as neither is known.
  /// What Winograd or a Fourier transform spares of its products is no rate of the device's, and does not count.
  double floor(const Row& row) const;
  Json json() const;
  const std::string& file() const { return file_; }
  const std::string& page() const { return page_; }

 private:
  void write() const;
  std::vector<Row> rows_;
  Json about_;
  std::string file_, page_;
  double bandwidth_ = 0;                       // bytes a microsecond
  std::map<std::string, double> rates_;        // FLOP a microsecond, by precision
};

std::string slug(const std::string& name);     // "nvidia-h200": for a file's name
std::string utc_now();                         // "2026-11-21T12:00:00Z"

/// A table for a terminal: the heading of a kind of rows, and one row.
std::string heading(Row::Kind kind);
std::string line(const Results& results, const Row& row);
/// The ceilings and, for each precision and pass, the geometric mean of the layers' share of the roofline and the worst layer.
std::string summary(const Results& results);

}  // namespace weft::bench
