// weft translate: pictures through a network that was trained to translate them.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "command.h"
#include "json.h"
#include "pictures.h"
#include "settings.h"
#include "weft/gan/provenance.h"
#include "weft/gan/translator.h"

namespace weft::apps {
namespace {

struct TranslateArguments {
  std::string run, input, out, strength = "1", size = "0", device = "auto", threads = "0";
  std::vector<std::string> styles;
  bool back = false, json = false;
};

double parse_share(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end) throw ConfigError(name + " is '" + text + "', but it must be a number");
  return value;
}

/// "waves:0.7" -> {"waves", 0.7}; without a number: 1.
std::pair<std::string, double> parse_style(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text, 1};
  return {text.substr(0, colon), parse_share("the weight in --style " + text, text.substr(colon + 1))};
}

/// With its longer side so long; 0: as it is.
gan::Image in_size(const gan::Image& picture, int size) {
  if (size == 0) return picture;
  const double scale = static_cast<double>(size) / std::max(picture.height, picture.width);
  const auto to = [&](int side) { return std::max(1, static_cast<int>(side * scale + 0.5)); };
  return gan::resized_with_alpha(picture, to(picture.height), to(picture.width));
}

int run(const TranslateArguments& a, const std::string& command) {
  gan::TranslateOptions options{parse_share("--strength", a.strength), {}};
  for (const std::string& style : a.styles) options.styles.push_back(parse_style(style));
  const int64_t size = parse_integer("--size", a.size, 0, gan::kMaxImageSide), threads = parse_integer("--threads", a.threads, 0, 4096);
  const std::vector<PictureJob> all = picture_jobs(a.input, "--out", a.out);
  expect_apart(all);
  const Context context = Context::open(a.device, {.threads = static_cast<int>(threads)});
  const gan::Translator translate(a.run, context, a.back, [](const std::string& t) { std::fprintf(stderr, "weft: %s\n", t.c_str()); });

  Json files = Json::array();
  const auto start = std::chrono::steady_clock::now();
  const int64_t left_out = each_usable(a.input, all.size(), [&](size_t i) {
    const auto& [in, out] = all[i];
    gan::TextChunks how = {{"strength", a.strength}, {"checkpoint", translate.checkpoint()}, {"checkpoint_sha256", translate.sha256()}};
    for (const auto& chunk : gan::picture_input("input", in)) how.push_back(chunk);
    gan::write_png(out, translate(in_size(gan::read_image(in), int(size)), options), gan::provenance(command, how));
    files.push_back(out.string());
    if (!a.json) std::puts(out.c_str());
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (a.json) print_json({{"run", a.run}, {"checkpoint", translate.checkpoint()}, {"checkpoint_sha256", translate.sha256()}, {"device", context.device()},
                          {"files", files}, {"left_out", left_out}, {"seconds", seconds}});
  return 0;
}

}  // namespace

Command translate_command(const std::string& typed) {
  const auto a = std::make_shared<TranslateArguments>();
  return {"translate", "Put pictures through a network that was trained to translate them",
          "weft translate runs/waves --input dress.jpg --out dress.png --strength 0.8\n"
          "  weft translate runs/waves --input photos/ --out dressed/ --style ukiyo-e:0.7 --style batik:0.3",
          {{"RUN|FILE", "", "a run: its best checkpoint; run@800: the one of step 800; or a generator's .safetensors file", &a->run, true},
           {"--input", "FILE|DIR", "a picture of any size, or a folder of them", &a->input, true},
           {"--out", "OUT", "FILE.png; or a folder: a PNG a picture, under its own name", &a->out, true},
           {"--strength", "X", "0: the picture itself, to 1: the whole translation [1]", &a->strength},
           {"--style", "NAME[:W]", "of a network that holds several: which, and what each weighs; may be given again", &a->styles},
           {"--size", "PX", "longer side to bring pictures to first; 0: as they are [0]", &a->size},
           {"--back", "", "from B to A, for models that learn both ways", &a->back},
           {"--device", "NAME", "auto, or one of `weft info` [auto]", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core [0]", &a->threads},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
