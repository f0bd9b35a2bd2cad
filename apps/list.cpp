// weft list: everything that has a name.
#include <cstdio>
#include <filesystem>

#include "command.h"
#include "json.h"
#include "weft/gan/dataset.h"
#include "weft/gan/model.h"
#include "weft/gan/objective.h"
#include "weft/gan/penalty.h"
#include "weft/gan/report.h"

namespace weft::apps {
namespace {

struct Kind {
  const char* name;
  std::vector<Json> (*entries)();    // each with at least "name"
};

std::vector<Json> model_entries() {
  std::vector<Json> all;
  for (const gan::Model& m : gan::models()) all.push_back({{"name", m.name}, {"what", m.what}, {"paper", m.paper}});
  return all;
}

std::vector<Json> objective_entries() {
  std::vector<Json> all;
  for (const gan::Objective& o : gan::objectives()) all.push_back({{"name", o.name}, {"optimal discriminator", o.optimum}, {"paper", o.paper}});
  return all;
}

std::vector<Json> penalty_entries() {
  std::vector<Json> all;
  for (const gan::Penalty& p : gan::penalties()) all.push_back({{"name", p.name}, {"what", p.what}, {"by default", gan::print("w = %g", p.weight)}, {"paper", p.paper}});
  return all;
}

std::vector<Json> data_entries() {
  std::vector<Json> all;
  for (const gan::NamedData& d : gan::kNamedData) {
    const bool here = !*d.folder || std::filesystem::is_directory(d.folder);
    all.push_back({{"name", d.name}, {"what", d.what}, {"to install", here ? "" : std::string("apt install ") + d.package}});
  }
  all.push_back({{"name", "FOLDER"}, {"what", "pictures: PNG, JPEG, WebP or BMP; classes by its folders or its labels.csv"}});
  all.push_back({{"name", "FILE"}, {"what", "pictures in an IDX file, as MNIST comes, plain or gzip"}});
  all.push_back({{"name", "sketches:SOURCE"}, {"what", "pairs for translations: line drawings of any other source's pictures, and these; `sketches`: of fashion-mnist"}});
  all.push_back({{"name", "FILE.csv"}, {"what", "points of the plane, x,y a line, for `weft train mlp`"}});
  return all;
}

constexpr Kind kinds[] = {{"models", model_entries}, {"objectives", objective_entries}, {"penalties", penalty_entries}, {"data", data_entries}};

constexpr size_t indent = 18, line_width = 100;

int run(const std::string& asked, bool json) {
  std::vector<std::string> names;
  std::string all;
  bool known = asked.empty();
  for (const Kind& kind : kinds) {
    names.push_back(kind.name), known = known || asked == kind.name;
    all += (all.empty() ? "" : ", ") + names.back();
  }
  if (!known) throw ConfigError("there is no list of '" + asked + "'; there are lists of " + all + gan::suggestion(asked, names));

  Json result = Json::object();
  for (const Kind& kind : kinds) {
    if (!asked.empty() && asked != kind.name) continue;
    result[kind.name] = kind.entries();
    if (json) continue;
    if (asked.empty()) std::printf("%s\n", kind.name);
    for (const Json& entry : result[kind.name]) {
      std::string line = "  " + entry["name"].get<std::string>();
      for (const auto& [key, value] : entry.items()) {
        const std::string text = (key == "optimal discriminator" ? "D* = " : "") + value.get<std::string>();
        if (key == "name" || text.empty()) continue;
        if (line.size() > indent && line.size() + text.size() > line_width) std::printf("%s\n", line.c_str()), line.clear();
        line += line.size() < indent ? std::string(indent - line.size(), ' ') : "; ";
        line += text;
      }
      std::printf("%s\n", line.c_str());
    }
  }
  if (json) print_json(result);
  return 0;
}

struct ListArguments {
  std::string asked;
  bool json = false;
};

}  // namespace

Command list_command(const std::string&) {
  const auto a = std::make_shared<ListArguments>();
  return {"list", "List models, objectives, penalties and data sets", "weft list objectives",
          {{"KIND", "", "models, objectives, penalties or data; all of them if none is given", &a->asked},
           {"--json", "", "print it as one JSON object", &a->json}},
          [a] { return run(a->asked, a->json); }};
}

}  // namespace weft::apps
