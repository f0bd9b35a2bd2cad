// weft verify: is it whole? A run's checkpoints against their sums, a safetensors file or a picture by reading it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "command.h"
#include "json.h"
#include "weft/gan/image.h"
#include "weft/kernels/error.h"
#include "weft/nn/checkpoint.h"
#include "weft/tensor/safetensors.h"

namespace weft::apps {
namespace {

namespace fs = std::filesystem;
constexpr int check_said_no = 3;

struct Finding { std::string name, fault; };   // fault empty: whole

/// What is wrong with the file, or nothing.
std::string file_fault(const fs::path& path) {
  try {
    if (path.extension() != ".safetensors") return gan::read_image(path), "";
    int64_t broken = 0;
    for (const auto& [name, tensor] : read_safetensors(path).tensors)
      for (const double v : to_doubles(tensor)) broken += !std::isfinite(v);
    return broken ? std::to_string(broken) + " numbers in it are not finite" : "";
  } catch (const FormatError& e) {
    return e.what();
  }
}

/// Sums first; then the numbers, since a sum only says that a file is as it was written.
std::string checkpoint_fault(const fs::path& folder) {
  std::string fault = nn::checkpoint_fault(folder);
  for (const auto& entry : fs::directory_iterator(folder))
    if (fault.empty() && entry.path().extension() == ".safetensors" && !(fault = file_fault(entry.path())).empty())
      fault = entry.path().filename().string() + ": " + fault;
  return fault;
}

std::vector<Finding> look(const fs::path& path) {
  if (fs::is_regular_file(path)) return {{path.string(), file_fault(path)}};
  if (!fs::is_directory(path)) throw DataError("there is no run and no file " + path.string());
  if (fs::exists(path / "SHA256SUMS")) return {{path.string(), checkpoint_fault(path)}};
  const nn::Checkpoints all(path / "checkpoints");
  std::vector<Finding> findings;
  for (const int64_t step : all.steps()) findings.push_back({nn::checkpoint_name(step), checkpoint_fault(all.path(step))});
  if (findings.empty()) throw DataError(path.string() + " holds no checkpoint; is it a run?");
  return findings;
}

int run(const std::string& path, bool json) {
  const std::vector<Finding> findings = look(path);
  const bool whole = std::all_of(findings.begin(), findings.end(), [](const Finding& f) { return f.fault.empty(); });
  if (json) {
    Json checked = Json::array();
    for (const Finding& f : findings) checked.push_back({{"name", f.name}, {"whole", f.fault.empty()}, {"fault", f.fault}});
    print_json({{"path", path}, {"whole", whole}, {"checked", checked}});
  } else {
    for (const Finding& f : findings) std::printf("%s  %s\n", f.name.c_str(), f.fault.empty() ? "whole" : ("NOT WHOLE: " + f.fault).c_str());
  }
  return whole ? 0 : check_said_no;
}

}  // namespace

Command verify_command(const std::string&) {
  struct Arguments { std::string path; bool json = false; };
  const auto a = std::make_shared<Arguments>();
  return {"verify", "Check that a run's checkpoints, or a file, are whole",
          "weft verify runs/clothes\n  weft verify runs/clothes/checkpoints/step-001600/generator.safetensors",
          {{"RUN|FILE", "", "a run, a checkpoint's folder, a safetensors file or a picture", &a->path, true},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a] { return run(a->path, a->json); }};
}

}  // namespace weft::apps
