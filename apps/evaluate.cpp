// weft evaluate: how good a trained generator is, every figure beside what real pictures get in its place.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "command.h"
#include "json.h"
#include "settings.h"
#include "weft/gan/evaluation.h"
#include "weft/gan/provenance.h"
#include "weft/gan/report.h"

namespace weft::apps {
namespace {

struct EvaluateArguments {
  std::string run, data, root, features, count = "10000", seed = "0", sheet, against, device = "auto", threads = "0";
  bool accuracy_score = false, brief = false, json = false;
};

Json number(double v) { return std::isfinite(v) ? Json(v) : Json(); }

Json to_json(const EvaluateArguments& a, const gan::Evaluation& e, const Context& context) {
  Json figures = Json::array(), classes = Json::array();
  for (const gan::Figure& f : e.figures)
    figures.push_back({{"name", f.name}, {"value", number(f.value)}, {"real", number(f.real)}, {"test", number(f.test)}, {"bias", number(f.bias)}, {"better", gan::name_of(f.better)},
                       {"n", f.count}, {"resize", f.resize}, {"features", f.features}, {"note", f.note}});
  for (const auto& c : e.classes) classes.push_back({{"name", c.name}, {"share", c.share}, {"real", c.real}});
  return {{"run", a.run}, {"checkpoint", e.checkpoint}, {"checkpoint_sha256", e.sha256}, {"data", a.data}, {"data_fingerprint", e.data_fingerprint}, {"real_pictures", e.real_pictures},
          {"size", e.size}, {"width", e.width}, {"channels", e.channels}, {"device", context.device()}, {"seed", std::stoll(a.seed)}, {"describer", e.describer}, {"features", e.features},
          {"classifier_accuracy", number(e.classifier_accuracy)}, {"figures", figures}, {"classes", classes}};
}

/// An earlier report's figures by name. Throws ConfigError for one that cannot stand beside this.
std::map<std::string, double> comparable(const std::string& file, const gan::Evaluation& e) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError("--against " + file + ": cannot be read; it is what `weft evaluate --json` printed before");
  const Json before = Json::parse(in, nullptr, false);
  if (!before.is_object() || !before.contains("figures") || !before["figures"].is_array()) throw FormatError(file + " is no report of `weft evaluate --json`");
  std::map<std::string, double> values;
  try {
    if (before.at("data_fingerprint") != e.data_fingerprint) throw ConfigError(file + " is about other data than this; distances to two sets of pictures cannot be compared");
    for (const Json& f : before["figures"])
      for (const gan::Figure& now : e.figures) {
        if (f.at("name") != now.name || !f.at("value").is_number()) continue;
        const auto differs = [&](const char* what, const std::string& was, const std::string& is) {
          if (was != is) throw ConfigError(file + ": its " + now.name + " has " + what + " " + was + ", and this one " + is + "; they cannot be compared");
        };
        differs("the features", f.at("features").get<std::string>(), now.features);
        differs("n", std::to_string(f.at("n").get<int64_t>()), std::to_string(now.count));
        differs("the resize filter", f.at("resize").get<std::string>(), now.resize);
        values[now.name] = f.at("value").get<double>();
      }
  } catch (const Json::exception& wrong) {
    throw FormatError(file + " is no report of `weft evaluate --json`: " + wrong.what());
  }
  return values;
}

std::string text_of(double v) { return std::isfinite(v) ? gan::short_number(v) : "-"; }

void print(const gan::Evaluation& e, const std::map<std::string, double>& before) {
  std::printf("%-27s %10s %10s %10s", "", "generated", "real", "test part");
  std::printf("%s  %-13s %6s  %-18s %s\n", before.empty() ? "" : "     before", "better", "n", "resize", "features");
  for (const gan::Figure& f : e.figures) {
    const auto earlier = before.find(f.name);
    std::printf("%-27s %10s %10s %10s", f.name.c_str(), text_of(f.value).c_str(), text_of(f.real).c_str(), text_of(f.test).c_str());
    if (!before.empty()) std::printf(" %10s", earlier == before.end() ? "-" : text_of(earlier->second).c_str());
    std::printf("  %-13s %6lld  %-18s %s\n", gan::name_of(f.better), (long long)f.count, f.resize.c_str(), f.features.empty() ? "-" : f.features.substr(0, 12).c_str());
    if (std::isfinite(f.bias)) std::printf("%-27s   of which about %s is owed to the number of pictures alone\n", "", text_of(f.bias).c_str());
    if (!std::isfinite(f.value)) std::printf("%-27s   %s\n", "", f.note.c_str());
  }
  if (!e.classes.empty()) {
    std::printf("\nshare of each class, generated and real:");
    for (size_t c = 0; c < e.classes.size(); ++c) std::printf("%s%s %.1f %% (%.1f)", c % 5 ? ", " : "\n  ", e.classes[c].name.c_str(), 100 * e.classes[c].share, 100 * e.classes[c].real);
    std::printf("\n");
  }
}

/// How the data are read: as the run read its own, where it is a run.
gan::DatasetOptions as_trained(const EvaluateArguments& a, const std::function<void(const std::string&)>& note) {
  TrainSettings of_run;
  if (std::filesystem::is_directory(a.run.substr(0, a.run.find('@')))) assign_lines(of_run, gan::stored_config(a.run.substr(0, a.run.find('@'))));
  if (of_run.data != a.data) of_run.root.clear(), of_run.labels.clear();
  if (!a.root.empty()) of_run.root = a.root;
  return gan::dataset_options(of_run, note);
}

int run(const EvaluateArguments& a, const std::string& command) {
  gan::EvaluateRequest request{a.run, a.data, a.features, parse_integer("--count", a.count, 2, 1000000), uint64_t(parse_integer("--seed", a.seed, 0, int64_t{1} << 53)), a.accuracy_score, a.brief};
  if (a.brief && !a.sheet.empty()) throw ConfigError("--sheet draws what --brief leaves out: the samples that are nearest to a training picture; leave out one of the two");
  request.note = [](const std::string& sentence) { std::fprintf(stderr, "weft: %s\n", sentence.c_str()); };
  if (a.features.empty()) {
    if (a.accuracy_score) throw ConfigError("--accuracy-score needs --features RUN of a classifier, which names what the samples show; `weft train classifier` makes one");
    request.note("no --features: distances in a network's features are left out. weft train classifier --data " + gan::quoted_for_shell(a.data) +
                 " --out RUN makes one where the data has classes, weft train features where it has none");
  }
  request.reading = as_trained(a, request.note);
  const Context context = Context::open(a.device, {.threads = int(parse_integer("--threads", a.threads, 0, 4096))});
  const gan::Evaluation e = gan::evaluate(request, context);
  const std::map<std::string, double> before = a.against.empty() ? std::map<std::string, double>() : comparable(a.against, e);
  if (!a.sheet.empty()) gan::write_png(a.sheet, e.memorised, gan::provenance(command, {{"seed", a.seed}, {"checkpoint", e.checkpoint}, {"checkpoint_sha256", e.sha256}, {"data", a.data}}));
  if (a.json) {
    Json report = to_json(a, e, context);
    for (Json& f : report["figures"])
      if (const auto earlier = before.find(f["name"].get<std::string>()); earlier != before.end()) f["before"] = earlier->second;
    print_json(report);
    return 0;
  }
  std::printf("%s\n%s, %lld pictures of %dx%d pixels\n", e.checkpoint.c_str(), a.data.c_str(), (long long)e.real_pictures, e.width, e.size);
  if (!e.features.empty()) std::printf("features %.12s: %s", e.features.c_str(), e.describer.c_str());
  if (std::isfinite(e.classifier_accuracy)) std::printf("; right on %.1f %% of real pictures", 100 * e.classifier_accuracy);
  std::printf("%s\n", e.features.empty() ? "" : "\n");
  print(e, before);
  if (!a.sheet.empty()) std::printf("\nsamples beside their nearest training pictures: %s\n", a.sheet.c_str());
  return 0;
}

}  // namespace

Command evaluate_command(const std::string& typed) {
  const auto a = std::make_shared<EvaluateArguments>();
  return {"evaluate", "Measure how good a generator is, beside what real pictures get",
          "weft evaluate runs/clothes --data fashion-mnist\n"
          "  weft train classifier --data fashion-mnist --out runs/judge\n"
          "  weft evaluate runs/clothes --data fashion-mnist --features runs/judge --sheet nearest.png\n"
          "  weft evaluate runs/clothes@800 --data fashion-mnist --features runs/judge --json > before.json\n"
          "  weft evaluate runs/clothes --data fashion-mnist --features runs/judge --against before.json",
          {{"RUN|FILE", "", "a run: its newest checkpoint; run@800: the one of step 800; a generator's .safetensors file", &a->run, true},
           {"--data", "SRC", "what it was trained on: a name of `weft list data`, a folder of images, an IDX file", &a->data, true},
           {"--root", "DIR", "where a named data set's files are, if not in their usual place", &a->root},
           {"--features", "RUN|FILE", "the network that distances are taken in: a run of classifier or of features, or a VGG", &a->features},
           {"--count", "N", "pictures on each side; at most half of the data [10000]", &a->count},
           {"--seed", "N", "of the samples [0]", &a->seed},
           {"--accuracy-score", "", "also train a classifier on samples and test it on real pictures; takes minutes", &a->accuracy_score},
           {"--brief", "", "only what the network of --features sees, and modes where the data has them; a fraction of the time", &a->brief},
           {"--sheet", "FILE.png", "draw the samples that are nearest to a training picture, each beside it", &a->sheet},
           {"--against", "FILE", "what --json printed of another run: shown beside; refused if the two cannot be compared", &a->against},
           {"--device", "NAME", "auto, or one of `weft info` [auto]", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core [0]", &a->threads},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
