// weft transfer: a picture in the manner of others, by moving its patches, with no network and no weights, or by a feature network.
#include <chrono>
#include <cstdio>

#include "command.h"
#include "json.h"
#include "settings.h"
#include "transfer_session.h"
#include "weft/gan/quality_report.h"
#include "weft/kernels/error.h"
#include "weft/tensor/sha256.h"

namespace weft::apps {
namespace {

struct TransferArguments {
  std::string content, out, method = "swd", strength = "0.5", structure = "0.5", brush = "1", colors = "style", keep, feather = "0", size = "0", seed = "0",
              blend, features, preproc, preview, sweep, report, device = "auto", threads = "0", memory = "0";
  std::vector<std::string> styles, masks;
  bool json = false;
};

gan::TransferOptions options_of(const TransferArguments& a) {
  if (a.method != "swd" && a.method != "gram") throw ConfigError("--method " + a.method + ": there are swd and gram");
  if (a.method != "gram" && !(a.features + a.preproc).empty()) throw ConfigError("--features and --vgg-preproc are for --method gram");
  if (!a.keep.empty() && a.keep != "shading") throw ConfigError("--keep " + a.keep + ": there is shading");
  gan::TransferOptions o;
  o.strength = parse_number("--strength", a.strength, 0, 1);
  o.structure = parse_number("--structure", a.structure, 0, 1);
  o.brush = parse_number("--brush", a.brush, 0.25, 4);
  o.colours = gan::transfer_colours_named(a.colors);
  o.keep_shading = !a.keep.empty();
  o.feather = int(parse_integer("--feather", a.feather, 0, gan::kMaxImageSide));
  o.size = int(parse_integer("--size", a.size, 0, gan::kMaxImageSide));
  o.seed = uint64_t(parse_integer("--seed", a.seed, 0, int64_t{1} << 53));
  o.memory = size_t(parse_integer("--memory", a.memory, 0, int64_t{1} << 30)) << 20;
  return o;
}

/// Of method gram: the network that was asked for, of which the session's pictures will tell, or else one drawn for these pictures.
std::shared_ptr<const gan::FeatureNetwork> features_of(const TransferArguments& a, Session& s) {
  const auto note = [](const std::string& text) { std::fprintf(stderr, "weft: %s\n", text.c_str()); };
  gan::FeatureFileOptions o;
  if (!a.preproc.empty()) o.preprocessing = gan::find_preprocessing(a.preproc);
  if (!a.features.empty()) {
    const std::filesystem::path file = gan::find_feature_file(a.features, note);
    s.chunks.insert(s.chunks.end(), {{"features", file.string()}, {"features_sha256", sha256_of_file(file)}});
    return gan::load_feature_network(s.context, file, o);
  }
  if (!a.preproc.empty()) throw ConfigError("--vgg-preproc tells of the network of --features, and there is none");
  note("no --features: a network is drawn at random; one that `weft train features` makes of your pictures, or a VGG, does better");
  std::vector<gan::Image> pictures{s.job.content};
  for (const gan::Style& style : s.job.styles) pictures.push_back(style.picture);
  const gan::Image& c = s.job.content;
  const double scale = s.job.options.size ? double(s.job.options.size) / std::max(c.height, c.width) : 1;
  return gan::drawn_feature_network(s.context, pictures, s.job.options.seed, 2 * std::min(256.0 * 256, scale * scale * c.height * c.width));
}

/// Nothing that is read, here or a second time, is written over. Of a report there are two files.
void check_files(const TransferArguments& a, const Session& s) {
  std::vector<std::filesystem::path> read, written{a.out, a.preview};
  for (const NamedPicture& content : s.contents) read.push_back(content.file);
  for (const NamedStyle& style : s.styles) read.push_back(style.picture.file);
  for (const std::string& mask : a.masks) read.push_back(suffixed(mask).file);
  if (!a.blend.empty()) read.push_back(suffixed(a.blend).file);
  for (const char* ending : {".html", ".json"})
    if (!a.report.empty()) written.push_back(std::filesystem::path(a.report).replace_extension(ending));
  expect_apart(read, written);
}

/// Contents and styles are read, and every output looked at, before any work is done.
Session prepared(const TransferArguments& a) {
  check_output("--out", a.out, {".png"});
  if (!a.preview.empty()) check_output("--preview", a.preview, {".png"});
  if (!a.report.empty()) check_output("--report", a.report, {".html", ".json"});
  Session s{Context::open(a.device, {.threads = int(parse_integer("--threads", a.threads, 0, 4096))}), {}, {}, {}, {}};
  s.job.options = options_of(a);
  s.contents = content_pictures(a.content, s.context);
  s.styles = style_pictures(a.styles);
  check_files(a, s);
  s.each_style = a.styles.size() == 1 && s.styles.size() > 1;
  for (const std::string& mask : a.masks) s.job.masks.push_back(read_mask(mask, s.contents[0].name));
  if (a.masks.size() > 1 && (s.each_style || a.masks.size() != s.styles.size()))
    throw ConfigError("there are " + std::to_string(a.masks.size()) + " masks and " + std::to_string(s.styles.size()) + " styles; give one mask for all styles, or one for each, in their order");
  if (s.job.options.feather && a.masks.empty()) throw ConfigError("--feather is of a mask's edge, and there is no --mask: give one, or leave it out");
  const bool pairs = s.contents.size() > 1 || s.each_style;
  if (pairs && (!a.sweep.empty() || !a.report.empty())) throw ConfigError("folders make a sheet of all pairs, which takes no --sweep or --report");
  if (s.contents.size() > 1 && !a.masks.empty()) throw ConfigError("a mask belongs to one content, and here there are " + std::to_string(s.contents.size()));
  if (!a.sweep.empty() && !a.report.empty()) throw ConfigError("--report is about one picture, and --sweep makes five; give one of them");
  s.chunks = s.contents.size() > 1 ? gan::TextChunks() : s.contents[0].chunks;
  for (NamedPicture& content : s.contents) {
    s.before.push_back(content.picture);
    if (!a.blend.empty()) content.picture = blended(content.picture, a.blend, s.job.masks, s.chunks);
  }
  s.job.content = s.contents[0].picture;
  if (!a.blend.empty()) s.job.lit = s.before[0];
  for (size_t i = 0; i < s.styles.size(); ++i) {
    s.job.styles.push_back({s.styles[i].picture.picture, s.styles[i].weight, a.masks.size() > 1 ? int(i) : 0});
    if (!s.each_style) s.chunks.insert(s.chunks.end(), s.styles[i].picture.chunks.begin(), s.styles[i].picture.chunks.end());
  }
  if (a.method == "gram") s.job.features = features_of(a, s);
  return s;
}

void write_report(const Session& s, const gan::Image& result, const std::string& file, const std::string& command) {
  gan::DressedPicture picture{s.contents[0].name, command, s.before[0], result, {}};
  const double longer = std::max(result.height, result.width) * s.job.options.brush;
  for (const NamedStyle& style : s.styles) {
    const gan::Image& p = style.picture.picture;
    const double scale = longer / std::max(p.height, p.width);
    picture.styles.push_back({style.picture.name, gan::resized(gan::with_channels(p, 3), std::max(1, int(p.height * scale + 0.5)), std::max(1, int(p.width * scale + 0.5)))});
  }
  gan::write_quality_report(s.context, picture, file);
}

int run(const TransferArguments& a, const std::string& command) {
  if (!a.sweep.empty() && a.sweep != "structure" && a.sweep != "strength" && a.sweep != "brush") throw ConfigError("--sweep " + a.sweep + ": there are structure, strength and brush");
  Session s = prepared(a);
  s.chunks.push_back({"seed", a.seed});
  s.chunks = gan::provenance(command, s.chunks);
  stop_on_signals();
  const auto start = std::chrono::steady_clock::now();
  const gan::Image result = !a.sweep.empty() ? sweep(s, a.sweep, a.preview)
                            : s.contents.size() > 1 || s.each_style ? all_pairs(s, a.preview) : dressed(s, s.job, "transfer", a.preview);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  gan::write_png(a.out, result, s.chunks);
  if (!a.report.empty()) write_report(s, result, a.report, command);
  const int signal = stopped_by();
  if (signal) std::fprintf(stderr, "weft: stopped; %s is the picture so far\n", a.out.c_str());
  if (a.json)
    print_json({{"file", a.out}, {"width", result.width}, {"height", result.height}, {"device", s.context.device()}, {"seconds", seconds},
                {"peak_memory_bytes", s.context.peak_bytes()}, {"seed", s.job.options.seed}, {"stopped", signal != 0}});
  else
    std::puts(a.out.c_str());
  return signal ? 128 + signal : 0;
}

}  // namespace

Command transfer_command(const std::string& typed) {
  const auto a = std::make_shared<TransferArguments>();
  return {"transfer", "Dress a picture in the manner of others",
          "weft transfer --content dress.jpg --style painting.jpg --out dressed.png\n"
          "  weft transfer --content dress.jpg --style waves.jpg --style leaves.jpg:0.3 --structure 0.8 --out dressed.png\n"
          "  weft transfer --content dress.jpg --style leather.jpg --mask cloth.png --feather 8 --keep shading --out leather.png\n"
          "  weft transfer --content dress.jpg --style painting.jpg --sweep structure --size 256 --out five.png\n"
          "  weft transfer --content runs/clothes:7 --style paintings/ --size 192 --out sheet.png",
          {{"--content", "WHAT", "a picture; a folder: a sheet of all pairs; or RUN[:SEED] or FILE.safetensors[:SEED]: a garment that a generator makes", &a->content, true},
           {"--style", "PICTURE", "PICTURE[:WEIGHT], as often as you like: they mix by their weights; or a folder: each by itself", &a->styles, true},
           {"--out", "FILE", "FILE.png", &a->out, true},
           {"--method", "NAME", "swd: move patches until they are distributed as the style's; gram: by a feature network [swd]", &a->method},
           {"--features", "RUN|FILE", "for gram: a run of `weft train features`, VGG16 or VGG19 as safetensors; else one drawn at random", &a->features},
           {"--vgg-preproc", "NAME", "what a VGG's weights expect: torchvision or caffe [as the file says, else torchvision]", &a->preproc},
           {"--structure", "X", "0 to 1: how much of the content's layout stays; 1 changes texture alone [0.5]", &a->structure},
           {"--strength", "X", "0 to 1: how far to go; 0 returns the content [0.5]", &a->strength},
           {"--brush", "X", "0.25 to 4: size of the style's marks [1]", &a->brush},
           {"--colors", "WHOSE", "style; content: marks in the content's palette; luminance: its colours, pixel for pixel [style]", &a->colors},
           {"--mask", "FILE", "white where styles go, black where the content stays, of its size; one for all styles, or one for each in\n"
                              "their order. Or COCO's annotations: FILE.json[:ID|CATEGORY]", &a->masks},
           {"--feather", "PX", "pixels over which a mask fades in, inwards from its edge [0]", &a->feather},
           {"--keep", "WHAT", "shading: folds and shadows of the content stay", &a->keep},
           {"--blend", "PICTURE", "PICTURE[:SHARE], laid over the content, or what masks show of it, before anything else [0.5]", &a->blend},
           {"--size", "PX", "longer side of the result; 0: the content's own [0]", &a->size},
           {"--sweep", "DIAL", "a sheet of five settings of structure, strength or brush", &a->sweep},
           {"--preview", "FILE", "FILE.png with the picture so far, rewritten every second", &a->preview},
           {"--report", "FILE", "FILE.html: how good it is, before and after; the figures are in FILE.json beside it", &a->report},
           {"--memory", "MIB", "what tensors may take; larger pictures are worked on in parts; 0: what is free [0]", &a->memory},
           {"--seed", "N", "another seed, other marks [0]", &a->seed},
           {"--device", "NAME", "auto, or one of `weft info` [auto]", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core [0]", &a->threads},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
