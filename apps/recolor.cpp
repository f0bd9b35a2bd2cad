// weft recolor: a picture in other colours, its palette, and what a screen printer needs of it.
#include <cstdio>

#include "command.h"
#include "json.h"
#include "pictures.h"
#include "settings.h"
#include "weft/gan/colour.h"
#include "weft/gan/palette.h"
#include "weft/gan/provenance.h"
#include "weft/kernels/error.h"

namespace weft::apps {
namespace {

struct RecolorArguments {
  std::string image, palette, out, method = "mkl", hue = "0", contrast = "1", saturation = "1", film = "0", seed = "0", colors, separations, extract;
  bool black_and_white = false, json = false;
};

/// What is the same for every picture.
struct Plan {
  gan::ColourMethod method;
  gan::Adjustments adjustments;
  int colours = 0, extract = 0;                  // 0: not asked for
  gan::Image palette;                            // no pixels: colours stay
  gan::Palette inks;                             // of a list of hex codes
};

Plan planned(const RecolorArguments& a) {
  Plan plan{gan::colour_method_named(a.method), {}, 0, 0, {}, {}};
  plan.adjustments = {parse_number("--hue", a.hue, -360, 360), parse_number("--contrast", a.contrast, 0, 10), parse_number("--saturation", a.saturation, 0, 10),
                      a.black_and_white, parse_number("--film", a.film, 0, 1), uint64_t(parse_integer("--seed", a.seed, 0, int64_t{1} << 53))};
  if (!a.colors.empty()) plan.colours = int(parse_integer("--colors", a.colors, 1, 64));
  if (!a.extract.empty()) plan.extract = int(parse_integer("--extract", a.extract, 1, 64));
  const gan::Adjustments& dials = plan.adjustments;
  const bool changes = !a.palette.empty() || plan.colours || dials.hue != 0 || dials.contrast != 1 || dials.saturation != 1 || dials.black_and_white || dials.film > 0;
  if (plan.extract && changes) throw ConfigError("--extract reads a picture's own colours and changes none; give it alone, or once more for the result");
  if (!plan.extract && a.out.empty()) throw ConfigError("where should the result go? Give --out FILE.png, or a folder");
  if (!plan.extract && !changes)
    throw ConfigError("nothing to do: give --palette, --colors, one of --hue --contrast --saturation --black-and-white --film, or --extract");
  if (!a.separations.empty() && !plan.colours) throw ConfigError("--separations are of a print in few colours: say how many with --colors");
  if (a.palette.empty()) return plan;
  std::error_code none;
  const bool codes = a.palette[0] == '#' || (a.palette.find_first_not_of("0123456789abcdefABCDEF,# ") == std::string::npos && !std::filesystem::exists(a.palette, none));
  if (codes) plan.inks = gan::palette_from_hex(a.palette);
  plan.palette = codes ? gan::palette_strip(plan.inks, 1, int(plan.inks.size())) : gan::read_image(a.palette);
  return plan;
}

Json palette_json(const gan::Palette& palette) {
  Json list = Json::array();
  for (const gan::PaletteColour& colour : palette) list.push_back({{"hex", gan::hex(colour)}, {"share", colour.share}});
  return list;
}

Json extract(const PictureJob& job, int count, const gan::TextChunks& how) {
  const gan::Palette palette = gan::extract_palette(gan::read_image(job.in), count);
  gan::TextChunks text = how;
  for (const gan::PaletteColour& colour : palette) text.emplace_back("weft.colour", gan::hex(colour));
  if (!job.out.empty()) gan::write_png(job.out, gan::palette_strip(palette, 120, 960), text);
  Json result = {{"image", job.in.string()}};
  if (!job.out.empty()) result["file"] = job.out.string();
  result["colours"] = palette_json(palette);
  return result;
}

Json recolour(const PictureJob& job, const Plan& plan, const std::string& separations, const gan::TextChunks& how) {
  gan::Image image = gan::read_image(job.in);
  if (!plan.palette.pixels.empty()) image = gan::recoloured(image, plan.palette, plan.method);
  image = gan::adjusted(image, plan.adjustments);
  Json result = {{"image", job.in.string()}, {"file", job.out.string()}};
  if (plan.colours) {
    gan::Palette inks = int(plan.inks.size()) == plan.colours ? plan.inks : gan::extract_palette(image, plan.colours);
    const gan::Separations print = gan::separate(image, inks);
    image = print.flat;
    Json films = Json::array();
    for (size_t i = 0; i < inks.size(); ++i) {
      inks[i].share = print.coverage[i];
      if (separations.empty()) continue;
      const std::string code = gan::hex(inks[i]);
      const std::filesystem::path file = std::filesystem::path(separations) / (job.in.stem().string() + "-" + std::to_string(i + 1) + "-" + code.substr(1) + ".png");
      gan::TextChunks text = how;
      text.emplace_back("weft.ink", code);
      gan::write_png(file, print.films[i], text);
      films.push_back(file.string());
    }
    result["colours"] = palette_json(inks);
    if (!films.empty()) result["separations"] = films;
  }
  gan::write_png(job.out, image, how);
  return result;
}

int run(const RecolorArguments& a, const std::string& command) {
  const Plan plan = planned(a);
  const std::vector<PictureJob> jobs = picture_jobs(a.image, "--out", a.out);
  expect_apart(jobs, {a.palette});
  if (!a.separations.empty()) make_folder("--separations", a.separations, a.image);
  gan::TextChunks palette;
  if (!plan.palette.pixels.empty() && plan.inks.empty()) palette = gan::picture_input("palette", a.palette);
  Json results = Json::array();
  const int64_t left_out = each_usable(a.image, jobs.size(), [&](size_t i) {
    const PictureJob& job = jobs[i];
    gan::TextChunks inputs = gan::picture_input("image", job.in);
    inputs.insert(inputs.end(), palette.begin(), palette.end());
    const gan::TextChunks how = gan::provenance(command, inputs);
    const Json result = plan.extract ? extract(job, plan.extract, how) : recolour(job, plan, a.separations, how);
    results.push_back(result);
    if (a.json) return;
    if (!plan.extract || jobs.size() > 1) std::puts((plan.extract ? result["image"] : result["file"]).get<std::string>().c_str());
    for (const Json& file : result.value("separations", Json::array())) std::puts(file.get<std::string>().c_str());
    for (const Json& colour : result.value("colours", Json::array()))
      std::printf("%s %5.1f %%\n", colour["hex"].get<std::string>().c_str(), 100 * colour["share"].get<double>());
  });
  if (a.json) print_json({{"pictures", results}, {"left_out", left_out}});
  return 0;
}

}  // namespace

Command recolor_command(const std::string& typed) {
  const auto a = std::make_shared<RecolorArguments>();
  return {"recolor", "Give a picture other colours, or find its palette",
          "weft recolor --image dress.jpg --palette sunset.jpg --out dress-sunset.png\n"
          "  weft recolor --image dress.jpg --palette '#1b2a41,#c9ada7,#f2e9e4' --colors 3 --separations films/ --out print.png\n"
          "  weft recolor --image dress.jpg --black-and-white --film 0.7 --out classic.png\n"
          "  weft recolor --image sunset.jpg --extract 6 --out strip.png",
          {{"--image", "FILE|DIR", "a picture, or a folder of them", &a->image, true},
           {"--out", "OUT", "FILE.png; of a folder, a folder: STEM.png each", &a->out},
           {"--palette", "FILE|HEX", "a picture whose colours to take, or hex codes: '#1b2a41,#c9ada7'", &a->palette},
           {"--method", "NAME", "mkl: smooth and safe; reinhard: by channel; sliced: all of the palette, may add grain [mkl]", &a->method},
           {"--hue", "DEG", "turn all hues, -360 to 360 [0]", &a->hue},
           {"--contrast", "X", "0 to 10 [1]", &a->contrast},
           {"--saturation", "X", "0 to 10; 0 is grey [1]", &a->saturation},
           {"--black-and-white", "", "no colour", &a->black_and_white},
           {"--film", "X", "0 to 1: tone curve and grain of film [0]", &a->film},
           {"--seed", "N", "of the grain [0]", &a->seed},
           {"--colors", "N", "few flat colours, 1 to 64, found in the result, or --palette's if it lists so many", &a->colors},
           {"--separations", "DIR", "one PNG a colour of --colors: black where it prints", &a->separations},
           {"--extract", "N", "tell the picture's N main colours as hex codes, and draw them to --out", &a->extract},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
