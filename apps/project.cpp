// weft project: the latent of a given picture, and edits of it.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "command.h"
#include "json.h"
#include "pictures.h"
#include "settings.h"
#include "weft/gan/codes.h"
#include "weft/gan/conditions.h"
#include "weft/gan/latent.h"
#include "weft/gan/projection.h"
#include "weft/gan/provenance.h"
#include "weft/gan/sheet.h"

namespace weft::apps {
namespace {

struct ProjectArguments {
  std::string run, image, out, latent, steps, restarts, space, features, name, data, seed = "0", device = "auto", threads = "0";
  std::vector<std::string> toward;
  bool json = false;
};

void note(const std::string& t) { std::fprintf(stderr, "weft: %s\n", t.c_str()); }

/// "dress:1.5" -> {"dress", 1.5}; without a number: 1. May be negative: away from it.
std::pair<std::string, double> parse_edit(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {text, 1};
  return {text.substr(0, colon), parse_number("the amount in --toward " + text, text.substr(colon + 1), -100, 100)};
}

/// Where `picture` is moved by all of --toward; the latent is z of an encoder's.
Tensor edited(const ProjectArguments& a, const gan::TrainedGenerator& generator, gan::Encoder& encoder, const Tensor& latent) {
  TrainSettings of_run;
  assign_lines(of_run, gan::stored_config(a.run.substr(0, a.run.find('@'))));
  const std::string source = a.data.empty() ? of_run.data : a.data;
  if (source.empty()) throw ConfigError("--toward needs pictures with classes: --data SRC");
  gan::DatasetOptions options = gan::dataset_options(of_run, note);
  options.size = generator.model.size, options.channels = generator.model.channels;
  const auto data = gan::open_dataset(source, options);
  const gan::ClassCodes codes(encoder, *data);
  Tensor z = latent;
  for (const std::string& each : a.toward) {
    const auto [name, amount] = parse_edit(each);
    z = z + reshape(codes.toward(name, latent.context()), {1, latent.count()}) * amount;
  }
  return z;
}

/// A generator's file may lie where the latent would go: clothes.safetensors beside clothes.png.
void expect_free(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return;
  const Metadata about = read_safetensors_header(file).metadata;
  if (!about.count("space")) throw ConfigError(file.string() + " is there already, and is no latent; another name for --out, or --latent FILE, leaves it alone");
}

int run(const ProjectArguments& a, const std::string& command) {
  const int64_t seed = parse_integer("--seed", a.seed, 0, int64_t{1} << 53), threads = parse_integer("--threads", a.threads, 0, 4096);
  const std::filesystem::path out = a.out, latent_file = a.latent.empty() ? std::filesystem::path(a.out).replace_extension(".safetensors") : std::filesystem::path(a.latent);
  if (out.extension() != ".png") throw ConfigError("--out " + a.out + ": a picture is written, FILE.png");
  expect_free(latent_file);
  const gan::Image picture = gan::read_image(a.image);
  const Context context = Context::open(a.device, {.threads = int(threads)});
  const gan::TrainedGenerator generator = gan::load_generator(a.run, context, note);
  if (!generator.model.units.one.empty()) throw ConfigError(a.run + " makes points of the plane; a picture has no latent there");
  const std::shared_ptr<gan::Encoder> encoder = gan::load_encoder(context, generator.checkpoint);
  if (!a.toward.empty() && !encoder) throw ConfigError("--toward moves along directions between codes, and " + a.run + " has no encoder; a run of `weft train vaegan` has");
  const Size2 sides = generator.model.sides(generator.model.size);
  const Tensor target = gan::to_tensor(context, gan::fit_into(gan::with_channels(picture, generator.model.channels), sides.h, sides.w));

  gan::ProjectOptions options;
  const auto rows = int64_t(generator.model.classes.size());
  options.steps = int(parse_integer("--steps", a.steps.empty() ? encoder ? "0" : "300" : a.steps, 0, 1000000));
  options.restarts = int(parse_integer("--restarts", !a.restarts.empty() ? a.restarts : encoder ? "1" : std::to_string(a.name.empty() ? std::max<size_t>(4, generator.model.conditions().size()) : 4), 1, 1024));
  const bool has_styles = dynamic_cast<gan::Styled*>(generator.network.get()) != nullptr;
  options.space = a.space.empty() ? has_styles ? gan::LatentSpace::w : gan::LatentSpace::z : gan::latent_space_of(a.space);
  options.seed = uint64_t(seed);
  gan::Describer describer;
  if (!a.features.empty()) describer = gan::find_describer(context, a.features, note), options.describer = &describer;
  if (!a.name.empty() && rows == 0) throw ConfigError(a.run + " was trained without classes, so it has no --class");
  if (!a.name.empty()) options.labels = concat(Tensors(size_t(options.restarts), context.from(gan::condition_row(generator.model.classes, a.name, "--class"), {1, rows})), 0);
  else if (rows > 0) options.labels = gan::classes_in_turn(context, options.restarts, generator.model);
  if (encoder) options.begin = {gan::LatentSpace::z, reshape(gan::code_means(*encoder, target), {1, 1, 1, generator.model.latent})};

  const auto start = std::chrono::steady_clock::now();
  const gan::Projection found = gan::project(generator, target, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Tensor labels = options.labels ? slice(options.labels, 0, found.best, found.best + 1) : Tensor();
  Tensors shown = {target, gan::pictures_of(generator, found.latent, labels)};
  gan::Latent kept = found.latent;
  if (!a.toward.empty()) {
    kept.values = reshape(edited(a, generator, *encoder, reshape(kept.values, {1, kept.values.count()})), kept.values.shape());
    shown.push_back(gan::pictures_of(generator, kept, labels));
  }
  gan::TextChunks about = {{"checkpoint", generator.checkpoint}, {"checkpoint_sha256", generator.sha256}, {"seed", a.seed}};
  for (const auto& chunk : gan::picture_input("image", a.image)) about.push_back(chunk);
  const double distance = found.distances[size_t(found.best)];
  gan::write_png(out, gan::to_sheet(concat(shown, 0), int(shown.size())), gan::provenance(command, about));
  if (rows > 0) kept.of_class = a.name.empty() ? generator.model.conditions()[size_t(found.best) % generator.model.conditions().size()] : a.name;
  gan::write_latent(latent_file, kept, {{"generator_sha256", generator.sha256}, {"distance", std::to_string(distance)}});

  if (a.json) {
    Json result = {{"run", a.run}, {"checkpoint", generator.checkpoint}, {"checkpoint_sha256", generator.sha256}, {"device", context.device()}, {"image", a.image}, {"picture", out.string()},
                   {"latent", latent_file.string()}, {"space", gan::name_of(kept.space)}, {"steps", options.steps}, {"restarts", options.restarts}, {"seconds", seconds}, {"distance", distance},
                   {"distances", found.distances}, {"distances_at_first", found.begun}, {"features_sha256", describer.sha256}, {"toward", a.toward}};
    if (!kept.of_class.empty()) result["class"] = kept.of_class;
    print_json(result);
  } else {
    std::printf("%s\n%s\ndistance %.5f after %d steps from %d beginnings, %.1f s; at first %.5f\n", out.string().c_str(), latent_file.string().c_str(), distance, options.steps, options.restarts, seconds,
                *std::min_element(found.begun.begin(), found.begun.end()));
  }
  return 0;
}

}  // namespace

Command project_command(const std::string& typed) {
  const auto a = std::make_shared<ProjectArguments>();
  return {"project", "Find the latent of a given picture, and edit it",
          "weft project runs/clothes --image shirt.png --out found.png\n"
          "  weft generate runs/clothes --latent found.safetensors --vary 0.3 --out more.png\n"
          "  weft project runs/vaegan --image shirt.png --out coat.png --toward Coat:1.5 --toward Shirt:-1",
          {{"RUN", "", "a run, run@STEP, or a generator's .safetensors file", &a->run, true},
           {"--image", "FILE", "the picture; its middle is taken, in the generator's size", &a->image, true},
           {"--out", "FILE.png", "the picture, what was found, and what it was edited to, side by side", &a->out, true},
           {"--latent", "FILE", "where the latent goes, for `weft generate --latent`; else beside --out, as .safetensors", &a->latent},
           {"--steps", "N", "of the search [300; after an encoder 0]", &a->steps},
           {"--restarts", "N", "searches from different beginnings [4, a class each; after an encoder 1]", &a->restarts},
           {"--space", "NAME", "what is searched: z, the noise; of stylegan2 also w, one style, or w+, one a layer [w where there is one]", &a->space},
           {"--features", "RUN", "also compare what this run of `weft train classifier` or `features` sees", &a->features},
           {"--class", "NAME", "of a run with model.condition: only this class", &a->name},
           {"--toward", "CLASS[:X]", "vaegan: move X times [1] the way from all other pictures' mean code to that of this class; may come several times", &a->toward},
           {"--data", "SRC", "pictures with classes, for --toward, instead of the run's own", &a->data},
           {"--seed", "N", "of the beginnings [0]", &a->seed},
           {"--device", "NAME", "auto, or one of `weft info` [auto]", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core [0]", &a->threads},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
