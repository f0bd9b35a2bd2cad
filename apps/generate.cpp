// weft generate: images from a trained generator, on one sheet or a file each.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "command.h"
#include "json.h"
#include "pictures.h"
#include "settings.h"
#include "weft/gan/conditions.h"
#include "weft/gan/dataset.h"
#include "weft/gan/latent.h"
#include "weft/gan/looking_inside.h"
#include "weft/gan/points.h"
#include "weft/gan/mixture.h"
#include "weft/gan/provenance.h"
#include "weft/gan/sheet.h"
#include "weft/tensor/durable_file.h"

namespace weft::apps {
namespace {

struct GenerateArguments {
  std::string run, out, count, seed = "0", size = "256", name, interpolate, path = "spherical", truncation, sweep, mix, latent, vary, device = "auto", threads = "0";
  bool classes = false, sync = false, json = false;
};

struct Made {
  Tensor images;
  std::string checkpoint = "", sha256 = "";   // of the generator; empty for pictures that weft draws
  int columns = 0;                     // of a sheet; 0: about as wide as high
  gan::Units units = {};               // of points
  std::vector<std::string> captions = {};
};

/// Pictures [seed, seed + count) of a set that weft draws, the last one followed by the first.
Made drawn(const std::string& name, const Context& context, int64_t count, int64_t seed, int64_t size) {
  gan::DatasetOptions options;
  options.size = gan::find_mixture(name) ? 1 : static_cast<int>(size);
  const auto data = gan::open_dataset(name, options);
  const int64_t side = data->height();
  const size_t each = size_t(side) * size_t(side) * size_t(data->channels());
  std::vector<float> pixels(size_t(count) * each);
  for (int64_t i = 0; i < count; ++i) data->read(data->endless() ? seed + i : (seed + i) % data->size(), pixels.data() + size_t(i) * each);
  return {context.from(pixels, {count, side, side, data->channels()}), "", "", 0, data->units()};
}

constexpr int64_t kMost = 10000, kMostPoints = 1000000;

/// x (n, ...) `times` times: all of it again and again.
Tensor repeated(const Tensor& x, int64_t times) { return concat(Tensors(size_t(times), x), 0); }

Made labelled(const gan::TrainedGenerator& g, gan::LabelledSheet sheet) { return {sheet.pictures, g.checkpoint, g.sha256, sheet.columns, {}, std::move(sheet.captions)}; }

/// Row after row of the same labels, as --class or the latent's file says; empty of a generator without classes, and where neither does.
Tensor labels_of(const gan::TrainedGenerator& g, const std::string& name, int64_t count, const Context& context) {
  if (g.model.classes.empty() || name.empty()) return {};
  return repeated(context.from(gan::condition_row(g.model.classes, name, "--class"), {1, int64_t(g.model.classes.size())}), count);
}

/// Pictures of a latent that was found, and of its neighbourhood.
Made made_of_latent(const gan::TrainedGenerator& g, const GenerateArguments& a, const Context& context, int64_t seed) {
  gan::Latent latent = gan::read_latent(a.latent, context);
  const int64_t count = a.vary.empty() ? latent.values.size(0) : parse_integer("--count", a.count.empty() ? "16" : a.count, 1, kMost);
  const Tensor labels = labels_of(g, a.name.empty() ? latent.of_class : a.name, count, context);
  if (!a.vary.empty()) {
    gan::pictures_of(g, latent, labels_of(g, a.name.empty() ? latent.of_class : a.name, latent.values.size(0), context));     // is it one of this generator's?
    latent = gan::varied(g, latent, parse_number("--vary", a.vary, 0, 1), count, uint64_t(seed), labels);
  }
  return {gan::pictures_of(g, latent, labels), g.checkpoint, g.sha256};
}

/// Pictures of a trained generator: of one class, a row a class, or on a walk.
Made made_by(const gan::TrainedGenerator& generator, const GenerateArguments& a, const Context& context, int64_t seed) {
  const auto rows = static_cast<int64_t>(generator.model.conditions().size());
  if ((a.classes || !a.name.empty()) && rows == 0)
    throw ConfigError(a.run + " was trained without classes, so it has no --class; a run with model.condition set has");
  if (a.classes && (!a.name.empty() || !a.interpolate.empty())) throw ConfigError("--classes makes a row a class: take it, or --class or --interpolate");
  const int64_t steps = a.interpolate.empty() ? 0 : parse_integer("--interpolate", a.interpolate, 2, 1000), each = a.classes ? rows : std::max<int64_t>(1, steps);
  for (const auto& [flag, text] : {std::pair{"--truncation-sweep", &a.sweep}, {"--mix", &a.mix}, {"--latent", &a.latent}})
    if (!text->empty() && (a.classes || steps || !a.truncation.empty() || !generator.model.units.one.empty()))
      throw ConfigError(std::string(flag) + " makes a sheet of its own, of pictures; it goes without --classes, --interpolate and --truncation");
  if (!a.latent.empty()) return made_of_latent(generator, a, context, seed);
  if (!a.sweep.empty() || !a.mix.empty()) {
    const int64_t each_way = parse_integer("--count", a.count.empty() ? "6" : a.count, 1, 100), count = a.mix.empty() ? each_way : 2 * each_way;
    const Tensor z = gan::latents(context, count, generator.model.latent, static_cast<uint64_t>(seed)), of_class = labels_of(generator, a.name, count, context);
    const Tensor labels = of_class ? of_class : gan::classes_in_turn(context, count, generator.model);
    if (!a.mix.empty()) return labelled(generator, gan::style_mixing(generator, z, parse_integer("--mix", a.mix, 1, 1000), labels));
    return labelled(generator, gan::truncation_sweep(generator, z, parse_integer("--truncation-sweep", a.sweep, 2, 100), labels));
  }
  const int64_t most = generator.model.units.one.empty() ? kMost : kMostPoints;
  const int64_t count = parse_integer("--count", a.count.empty() ? a.classes || steps ? "8" : "64" : a.count, 1, most / each);

  Tensor z = gan::latents(context, steps ? count + 1 : count, generator.model.latent, static_cast<uint64_t>(seed)), labels;
  auto* styled = dynamic_cast<gan::Styled*>(generator.network.get());
  if (!a.truncation.empty() && styled) styled->set_truncation(parse_number("--truncation", a.truncation, 0, 2));
  else if (!a.truncation.empty()) z = gan::truncated(z, parse_number("--truncation", a.truncation, 0.01, 100));
  if (steps) z = gan::walks(z, steps, gan::path_of(a.path));
  if (a.classes) z = repeated(z, rows);
  if (a.name.empty() && (a.classes || (steps && rows))) {          // a row of the sheet is of one class
    std::vector<int64_t> which;
    for (int64_t i = 0; i < z.size(0); ++i) which.push_back(i / (a.classes ? count : steps) % rows);
    labels = gan::classes_of(context, generator.model, which);
  } else {
    labels = labels_of(generator, a.name, z.size(0), context);
  }
  return {generator.pictures(z, labels), generator.checkpoint, generator.sha256, static_cast<int>(a.classes ? count : steps), generator.model.units};
}

Made make(const GenerateArguments& a, const Context& context, int64_t seed) {
  for (const gan::NamedData& data : gan::kNamedData)
    if (a.run == data.name && !*data.folder)
      return drawn(a.run, context, parse_integer("--count", a.count.empty() ? "64" : a.count, 1, gan::find_mixture(a.run) ? kMostPoints : kMost), seed, parse_integer("--size", a.size, 1, 2048));
  return made_by(gan::load_generator(a.run, context, [](const std::string& t) { std::fprintf(stderr, "weft: %s\n", t.c_str()); }), a, context, seed);
}

int run(const GenerateArguments& a, const std::string& command) {
  const int64_t seed = parse_integer("--seed", a.seed, 0, int64_t{1} << 53);
  if (!a.count.empty()) parse_integer("--count", a.count, 1, kMostPoints);       // before anything is read
  if (gan::is_picture(a.out) && std::filesystem::path(a.out).extension() != ".png") check_output("--out", a.out, {".png"});       // no folder of that name
  const int64_t threads = parse_integer("--threads", a.threads, 0, 4096);
  const Context context = Context::open(a.device, {.threads = static_cast<int>(threads), .sync = a.sync});
  const auto [images, checkpoint, sha256, columns, units, captions] = make(a, context, seed);
  const int64_t count = images.size(0);
  gan::TextChunks about = {{"seed", std::to_string(seed)}};
  if (!checkpoint.empty()) about.insert(about.end(), {{"checkpoint", checkpoint}, {"checkpoint_sha256", sha256}});
  const gan::TextChunks how = gan::provenance(command, about);

  const std::filesystem::path out = a.out;
  std::vector<std::string> files;
  if (gan::are_points(images)) {
    const std::vector<float> xy = gan::to_points(images, units);
    if (out.extension() == ".csv") write_file_atomically(out, gan::points_text(xy));
    else if (out.extension() == ".png") gan::write_png(out, gan::scatter({}, xy), how);
    else throw ConfigError("--out " + a.out + ": points are written to FILE.csv (x,y a line) or drawn on FILE.png");
    files.push_back(out.string());
  } else if (out.extension() == ".csv") {
    throw ConfigError("--out " + a.out + ": that is for points, and these are pictures; FILE.png is one sheet, a folder gets a file each");
  } else if (out.extension() == ".png") {
    std::vector<gan::Image> pictures;
    for (int64_t i = 0; i < count && !captions.empty(); ++i) pictures.push_back(gan::to_image(images, i));
    gan::write_png(out, captions.empty() ? gan::to_sheet(images, columns) : gan::contact_sheet(pictures, columns, captions), how);
    files.push_back(out.string());
  } else {
    std::error_code error;
    std::filesystem::create_directories(out, error);
    if (!std::filesystem::is_directory(out)) throw IoError("--out " + a.out + ": cannot make this folder (" + error.message() + ")");
    for (int64_t i = 0; i < count; ++i) {
      char name[64];
      std::snprintf(name, sizeof name, "seed-%lld-%05lld.png", (long long)seed, (long long)i);
      gan::TextChunks one = how;
      one.push_back({"weft.index", std::to_string(i)});
      gan::write_png(out / name, gan::to_image(images, i), one);
      files.push_back((out / name).string());
    }
  }
  if (a.json) {
    const Json result = {{"run", a.run}, {"checkpoint", checkpoint}, {"checkpoint_sha256", sha256},
                                           {"device", context.device()}, {"count", count}, {"seed", seed}, {"files", files}};
    print_json(result);
  } else {
    for (const std::string& file : files) std::puts(file.c_str());
  }
  return 0;
}

}  // namespace

Command generate_command(const std::string& typed) {
  const auto a = std::make_shared<GenerateArguments>();
  return {"generate", "Make pictures with a trained generator, or let weft draw some",
          "weft generate runs/clothes --out clothes.png --count 100 --seed 7\n"
          "  weft generate runs/clothes --out walks.png --interpolate 10\n"
          "  weft generate runs/clothes@800 --out folder/ --count 1000\n"
          "  weft generate garments --out dress.png --count 1 --seed 12 --size 512",
          {{"RUN|FILE|NAME", "", "a run: its newest checkpoint; run@800: the one of step 800; a generator's .safetensors file; or a set that weft draws: garments, garment-masks, swatches, stacked-digits, ring8, grid25", &a->run, true},
           {"--out", "OUT", "FILE.png: all on one sheet; else a folder: a file each. Points of the plane: FILE.csv, x,y a line, or FILE.png", &a->out, true},
           {"--count", "N", "how many, up to 10000 pictures or 1000000 points [64]; with --interpolate how many walks, with --classes how many a class [8]; with --latent and --vary [16]; with --truncation-sweep how many rows, with --mix how many rows and columns [6]", &a->count},
           {"--seed", "N", "image i of a seed is the same whatever the count [0]", &a->seed},
           {"--class", "NAME", "of a run with model.condition: only this class; dress|red: attributes", &a->name},
           {"--classes", "", "a row a class, each with the same latents", &a->classes},
           {"--interpolate", "N", "walk from latent to latent in N pictures, a row a walk", &a->interpolate},
           {"--path", "NAME", "of the walk: spherical or linear [spherical]", &a->path},
           {"--truncation", "T", "more typical, less varied: no latent beyond +-T standard deviations; stylegan2: T of the way from the mean style, 0 to 1", &a->truncation},
           {"--truncation-sweep", "N", "a row a latent, from the most typical picture to the freest in N", &a->sweep},
           {"--mix", "LAYER", "stylegan2: a grid of pictures with a row's styles before this layer, and a column's from there on", &a->mix},
           {"--latent", "FILE", "the picture of a latent that `weft project` found", &a->latent},
           {"--vary", "SHARE", "with --latent: pictures that lie this share of the way to other latents, 0 to 1", &a->vary},
           {"--size", "PX", "of pictures that weft draws; a generator has a size of its own [256]", &a->size},
           {"--device", "NAME", "auto, or one of `weft info` [auto]", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core [0]", &a->threads},
           {"--sync", "", "wait after each kernel: an error of the device is then found where it happens", &a->sync},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
