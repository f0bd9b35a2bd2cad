#include "weft/gan/run_report.h"

#include <algorithm>

#include "weft/gan/model.h"
#include "weft/gan/provenance.h"
#include "weft/gan/report.h"
#include "weft/gan/run_contents.h"
#include "weft/tensor/durable_file.h"

namespace weft::gan {
namespace {

/// "2026-11-21T08:55:11Z" for people.
std::string readable_time(std::string t) {
  if (t.size() == 20 && t[10] == 'T' && t[19] == 'Z') t = t.substr(0, 10) + " " + t.substr(11, 5) + " UTC";
  return t;
}

std::string duration(double seconds) {
  if (!(seconds >= 0)) return "";
  return seconds < 100 ? print("%.0f s", seconds) : seconds < 5400 ? print("%.0f min", seconds / 60) : print("%.1f h", seconds / 3600);
}

/// Every column whose name begins with `group`, under a name for people.
std::vector<Series> all_series(const RunContents::Log& log, const std::string& group) {
  const std::map<std::string, const char*> known = {{"loss_d", "discriminator"}, {"loss_g", "generator"}, {"d_real", "real pictures"}, {"d_fake", "generated"},
                                                    {"d_fake_after", "generated, after its step"}};
  std::vector<Series> all;
  for (const auto& [column, values] : log.values) {
    if (column.rfind(group, 0) != 0) continue;
    std::string name = known.count(column) ? known.at(column) : column.size() == group.size() ? column : column.substr(group.size());
    std::replace(name.begin(), name.end(), '_', ' ');
    Series series{name, {}, {}};                          // what is measured now and then is a line from one time to the next
    for (size_t i = 0; i < values.size(); ++i)
      if (log.told.at(column)[i]) series.x.push_back(log.steps[i]), series.y.push_back(values[i]);
    all.push_back(series);
  }
  return all;
}

/// What each objective's losses are when the discriminator can only guess. Goodfellow et al., arXiv:1406.2661; Mao et al.,
/// arXiv:1611.04076; Lim and Ye, arXiv:1705.02894.
struct Balance { const char *objective, *note; double d, g; };
constexpr double ln2 = 0.69314718055994531;
constexpr Balance balances[] = {
    {"non-saturating", "When the discriminator D can only guess, its loss is 2 ln 2 = 1.386 and the generator's ln 2 = 0.693.", 2 * ln2, ln2},
    {"minimax", "When the discriminator D can only guess, its loss is 2 ln 2 = 1.386 and the generator's -ln 2 = -0.693.", 2 * ln2, -ln2},
    {"lsgan", "When the discriminator D can only guess, its loss is 0.25 and the generator's 0.125.", 0.25, 0.125},
    {"hinge", "When the discriminator D can only guess, its loss is 2. The generator's is minus D's mean score, and has no scale of its own.", 2, NAN},
};

void losses(Report& page, const RunContents& run) {
  Chart chart{"Losses", "", {}}, parts{"Parts of the losses", run.setting("model.name") == "vaegan" ? "Without their weights, which are not the same for encoder and generator." : "As they enter the losses above, each with its weight.", {}};
  for (const Series& s : all_series(run.log, "loss_")) (s.name == "discriminator" || s.name == "generator" ? chart : parts).series.push_back(s);
  for (const Balance& b : balances) {
    if (run.setting("train.objective") != b.objective || !parts.series.empty()) continue;   // losses with other parts have other balances
    chart.note = b.note;
    if (std::isfinite(b.d)) chart.marks.push_back({b.d, "D can only guess"});
    if (std::isfinite(b.g)) chart.marks.push_back({b.g, "G at that point"});
  }
  if (run.log.values.count("loss_d")) chart.note += " A discriminator and what it judges pull against each other, so neither need fall: a discriminator's loss that stays near 0 while the generator's climbs means that the "
                "generator is no longer learning. Judge by the pictures.";
  if (!chart.series.empty()) page.chart(chart);
  if (!parts.series.empty()) page.chart(parts);
  const std::vector<Series> measured = all_series(run.log, "held_out");
  if (!measured.empty()) page.chart({"On pictures that no step saw", "What the model measures there, at every sample sheet; the first, held out, is what the best checkpoint is chosen by: the lower the better.", measured});
}

void opinions(Report& page, const RunContents& run) {
  const std::string objective = run.setting("train.objective");
  const bool logits = objective == "non-saturating" || objective == "minimax";        // else the scores have another meaning
  bool scores = false;                                                                // are told by translations, as they are; else their sigmoid
  for (const Model& m : models()) scores = scores || (run.setting("model.name") == m.name && (m.feed == Feed::pairs || m.feed == Feed::sides || m.feed == Feed::styles));
  Chart chart{"What the discriminator thinks", "",
              all_series(run.log, "d_")};
  if (chart.series.empty()) return;
  if (scores) {
    chart.note = objective == "lsgan" ? "Its scores of a patch, which learn to be 1 for real pictures and 0 for generated ones. " : "Its scores of a patch: above 0 it takes it for real. ";
    chart.note += "Look at how far real and generated pictures are apart, and whether that lasts.";
    if (logits || objective == "lsgan") chart.marks = {{logits ? 0 : 0.5, "a guess"}};
  } else if (logits) {
    chart.note = "How real it finds real pictures, generated ones, and generated ones after it has learned from this step: 1 is certainly real, 0 certainly made. "
                 "Lines that drift to 1 and 0 and stay there mean that it has won.";
    chart.marks = {{0.5, "a guess"}};
  } else {
    chart.note = "The sigmoid of its scores. With this objective they are no probabilities: look at how far real and generated pictures are apart, and whether that lasts.";
  }
  page.chart(chart);
}

void norms(Report& page, const RunContents& run) {
  page.chart({"Length of the gradients", "Logarithmic. Steady is good; a jump of ten times or more marks a moment when training was in danger.",
              all_series(run.log, "gradient_norm_"), true});
}

void speed(Report& page, const RunContents& run) {
  const auto it = run.log.values.find("seconds");
  const double batch = std::strtod(run.setting("train.batch").c_str(), nullptr);
  if (it == run.log.values.end() || !(batch > 0)) return;
  Series rate{"images a second", {}, {}};
  for (size_t i = 1; i < run.log.steps.size(); ++i) {
    const double seconds = it->second[i] - it->second[i - 1];
    if (!(seconds > 0)) continue;
    rate.x.push_back(run.log.steps[i]);
    rate.y.push_back(batch * (run.log.steps[i] - run.log.steps[i - 1]) / seconds);
  }
  if (rate.x.size() > 1) page.chart({"Speed", "Sample sheets and checkpoints in between are counted in.", {rate}});
}

void settings(Report& page, const RunContents& run, const std::vector<KnownSetting>& known) {
  std::vector<std::vector<std::string>> chosen, all;
  for (const auto& [key, value] : run.config) {
    const auto it = std::find_if(known.begin(), known.end(), [&, k = key](const KnownSetting& s) { return s.key == k; });
    const std::string meaning = it == known.end() ? "" : it->meaning;
    all.push_back({key, value, meaning});
    if (it != known.end() && it->value != value) chosen.push_back({key, value, it->value, meaning});
  }
  if (all.empty()) return;
  page.section("Settings");
  if (!chosen.empty()) {
    page.paragraph("Chosen for this run; everything else is as weft comes.");
    page.table({"setting", "value", "otherwise", "what it is"}, chosen);
  }
  page.table({"setting", "value", "what it is"}, all, "All " + std::to_string(all.size()) + " settings");
}

std::string size_text(uint64_t bytes) {
  const double kib = double(bytes) / 1024;
  return kib < 1024 ? print("%.0f KiB", kib) : kib < 1024 * 1024 ? print("%.1f MiB", kib / 1024) : print("%.2f GiB", kib / 1024 / 1024);
}

void history(Report& page, const RunContents& run) {
  page.section("How it was made");
  std::vector<std::vector<std::string>> starts, checkpoints;
  for (const RunContents::Start& s : run.starts)
    starts.push_back({readable_time(s.started), s.from_step ? "from step " + std::to_string(s.from_step) : "from the beginning", s.device, "weft " + s.weft});
  if (!starts.empty()) page.table({"started", "", "device", "by"}, starts);
  for (const RunContents::Start& s : run.starts) page.code(s.command);
  for (const RunContents::Checkpoint& c : run.checkpoints) {
    std::string what = c.step == run.checkpoints.back().step ? "newest" : "";
    if (c.step == run.best_step) what += what.empty() ? "best" : ", best";
    checkpoints.push_back({"step " + std::to_string(c.step), size_text(c.bytes), what});
  }
  if (!checkpoints.empty()) page.table({"checkpoint", "size", ""}, checkpoints);
  if (!run.parameters_sha256.empty()) page.paragraph("Parameters of the newest checkpoint, as one sum: " + run.parameters_sha256);
}

void going_on(Report& page, const RunContents& run, const std::string& folder) {
  page.section("How to go on");
  const std::string r = quoted_for_shell(folder);
  std::string lines;
  if (!run.checkpoints.empty())
    lines += use_of(run.setting("model.name"), r) + "\nweft train --resume --out " + r + " --steps " + std::to_string(2 * run.steps()) + "     # train as long again\n";
  page.code(lines + "weft inspect " + r + " --report     # this page, made anew\ntensorboard --logdir " + r + "     # the same curves, to compare runs\n");
}

}  // namespace

void write_run_report(const std::filesystem::path& folder, const std::vector<KnownSetting>& known, const std::string& trouble) {
  const RunContents run = read_run(folder);
  const std::filesystem::path whole = std::filesystem::absolute(folder).lexically_normal();
  const std::string name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  std::string about = run.setting("model.name");
  for (const std::string& part : {run.setting("data.source"), run.starts.empty() ? "" : readable_time(run.starts.back().started)})
    if (!part.empty()) about += (about.empty() ? "" : " · ") + part;

  Report page(name, about);
  if (!trouble.empty()) page.paragraph("This run ended before its time. " + trouble);
  std::vector<std::pair<std::string, std::string>> figures = {{"steps", std::to_string(run.steps())}};
  if (const std::string time = duration(run.log.last("seconds")); !time.empty()) figures.emplace_back("trained for", time);
  for (const Series& s : all_series(run.log, "loss_"))
    if (!s.y.empty() && std::isfinite(s.y.back())) figures.emplace_back("loss, " + s.name, short_number(s.y.back()));
  page.figures(figures);
  if (!run.log.alarms.empty()) {
    page.section("Alarms");
    for (const auto& [step, sentence] : run.log.alarms) page.paragraph(sentence);
  }

  std::vector<PictureFile> sheets;
  for (const RunContents::Sheet& s : run.sheets) sheets.push_back({s.file, "step " + std::to_string(s.step)});
  page.gallery(std::move(sheets));
  page.paragraph(run.sheets.empty() ? "No sample sheet was written." : "The same noise, or the same pictures that no step sees, every time; so each place on the sheet is one picture coming to be.");

  if (std::filesystem::exists(folder / "landscape.html")) page.link("landscape.html", "What the discriminator thinks of every place, and whither it draws the points: to be played and stopped.");

  if (!run.log.steps.empty()) {
    page.section("Curves");
    losses(page, run);
    opinions(page, run);
    norms(page, run);
    speed(page, run);
  }
  if (run.log.unreadable) page.paragraph(std::to_string(run.log.unreadable) + " lines of log.jsonl could not be read.");
  settings(page, run, known);
  history(page, run);
  going_on(page, run, folder.string());
  write_file_atomically(folder / "report.html", page.html());
}

}  // namespace weft::gan
