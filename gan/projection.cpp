#include "weft/gan/projection.h"

#include <algorithm>
#include <cmath>

#include "weft/gan/latent.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr std::pair<const char*, LatentSpace> kSpaces[] = {{"z", LatentSpace::z}, {"w", LatentSpace::w}, {"w+", LatentSpace::w_plus}};
constexpr int kSmallest = 4;                       // side at which a picture is compared last
constexpr double kJitter = 0.05, kJittered = 0.75, kRise = 0.05, kFall = 0.25;   // of StyleGAN2's projector
constexpr double kLength = 0.1;                    // weight of z being as long as draws are: then it is, even where the picture cannot be made
constexpr int kMeanOver = 1000;                    // draws that tell where styles lie

/// Mean and deviation of w, as a row and a number.
std::pair<Tensor, double> middle_of_styles(const TrainedGenerator& g, const Context& c) {
  const NoGraph scope(c);
  const Tensor z = latents(c, kMeanOver, g.model.latent, 0);
  if (!g.model.classes.empty()) conditional(*g.network).set_condition(classes_in_turn(c, kMeanOver, g.model));
  const Tensor styles = g.styled()->styles(z), w = reshape(slice(styles, 1, 0, 1), {kMeanOver, styles.size(2)});
  return {mean(w, {0}, KeepAxes::yes), std::sqrt(mean(variance(w, {0})).item())};
}

/// Where the searches begin: in the middle or where `begin` says, the others at draws.
Tensor beginnings(const TrainedGenerator& g, const ProjectOptions& o, const Context& c, const Tensor& middle) {
  const NoGraph scope(c);
  const Tensor z = latents(c, o.restarts, g.model.latent, stream_key(o.seed, "project"));    // not those of a picture that the seed made
  Tensor all = z;
  if (o.space != LatentSpace::z) {
    if (o.labels) conditional(*g.network).set_condition(o.labels);
    const Tensor w = g.styled()->styles(z);         // (restarts, layers, W)
    all = o.space == LatentSpace::w_plus ? w : reshape(slice(w, 1, 0, 1), {w.size(0), w.size(2)});
  }
  Tensor first = o.begin.values;
  if (!first && o.space == LatentSpace::w) first = middle;
  if (!first && o.space == LatentSpace::w_plus) first = expand(reshape(middle, {1, 1, middle.size(1)}), {1, all.size(1), all.size(2)});
  if (!first) return all + 0.0;
  return o.restarts == 1 ? first + 0.0 : concat({first, slice(all, 0, 1, o.restarts)}, 0);
}

double rate_at(double t) { return std::min(1.0, std::min(t / kRise, 0.5 - 0.5 * std::cos(M_PI * std::min(1.0, (1 - t) / kFall)))); }

}  // namespace

LatentSpace latent_space_of(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [each, space] : kSpaces) {
    if (name == each) return space;
    known.push_back(each);
  }
  throw ConfigError("a latent space is z, w or w+, not '" + name + "'" + suggestion(name, known));
}

const char* name_of(LatentSpace space) {
  for (const auto& [name, each] : kSpaces)
    if (each == space) return name;
  return "";
}

Tensor pictures_of(const TrainedGenerator& g, const Latent& latent, const Tensor& labels) {
  const Tensor& x = latent.values;
  Styled* const s = g.styled();
  const auto refuse = [&](const std::string& wanted) {
    throw ShapeError("a latent of space " + std::string(name_of(latent.space)) + " and shape " + x.shape().text() + ", but this generator takes " + wanted);
  };
  if (latent.space == LatentSpace::z) {
    if (x.count() != x.size(0) * g.model.latent) refuse("z of " + std::to_string(g.model.latent) + " numbers");
    return g.pictures(reshape(x, {x.size(0), 1, 1, g.model.latent}), labels);
  }
  if (!s) refuse("z alone: it has no styles");
  const bool one = latent.space == LatentSpace::w;
  if (x.size(-1) != g.model.latent || x.rank() != (one ? 2 : 3) || (!one && x.size(1) != s->layers()))
    refuse("styles of " + std::to_string(g.model.latent) + " numbers for " + std::to_string(s->layers()) + " layers");
  const NoGraph scope(x.context());
  g.network->set_training(false);
  return s->draw(one ? expand(reshape(x, {x.size(0), 1, x.size(1)}), {x.size(0), s->layers(), x.size(1)}) : x);
}

void write_latent(const std::filesystem::path& file, const Latent& latent, const Metadata& about) {
  Metadata all = about;
  all["space"] = name_of(latent.space);
  if (!latent.of_class.empty()) all["class"] = latent.of_class;
  write_safetensors(file, {{"latent", nn::to_disk({latent.values, {}}, latent.values)}}, all);
}

Latent read_latent(const std::filesystem::path& file, const Context& context) {
  const Safetensors content = read_safetensors(file);
  const auto tensor = content.tensors.find("latent");
  const auto space = content.metadata.find("space");
  if (tensor == content.tensors.end() || space == content.metadata.end()) throw FormatError(file.string() + " holds no latent; `weft project` writes one");
  Shape shape;
  for (const int64_t n : tensor->second.shape) shape.push_back(n);
  if (shape.rank() < 2 || shape.count() == 0) throw FormatError(file.string() + ": a latent of shape " + shape.text() + " is none: rows of numbers were expected");
  const auto of_class = content.metadata.find("class");
  return {latent_space_of(space->second), context.from(to_doubles(tensor->second), shape), of_class == content.metadata.end() ? "" : of_class->second};
}

Tensor picture_distance(const Tensor& pictures, const Tensor& target, const Describer* describer) {
  const auto squares = [](const Tensor& a, const Tensor& b) {
    const Tensor off = flatten(a - b);
    return mean(off * off, {1});
  };
  Tensor a = pictures, b = target, total = squares(a, b);
  int levels = 1;
  for (; a.size(1) >= 2 * kSmallest && a.size(2) >= 2 * kSmallest; ++levels) {
    a = average_pool(a, Window{}), b = average_pool(b, Window{});
    total = total + squares(a, b);
  }
  total = total / double(levels);
  if (!describer) return total;
  const auto seen = [&](const Tensor& x) {
    const int channels = describer->channels, size = describer->size;
    const Tensor coloured = x.size(3) == channels ? x : channels == 3 ? concat({x, x, x}, 3) : mean(x, {3}, KeepAxes::yes);
    return describer->features(size && (size != x.size(1) || size != x.size(2)) ? resize(coloured, {size, size}, Resize::bilinear) : coloured);
  };
  const Tensor goal = seen(target).detach();
  return total + squares(seen(pictures), goal) / (mean(goal * goal) + 1e-8);
}

Projection project(const TrainedGenerator& g, const Tensor& target, const ProjectOptions& o) {
  const Context c = target.context();
  if (o.space != LatentSpace::z && !g.styled()) throw ConfigError("space " + std::string(name_of(o.space)) + " is of a generator with styles, as stylegan2's; this one has z alone");
  g.network->set_training(false);
  if (auto* s = g.styled()) s->set_truncation(1);
  Tensor middle;
  double spread = 1;
  if (o.space != LatentSpace::z) std::tie(middle, spread) = middle_of_styles(g, c);
  const Tensor latent = beginnings(g, o, c, middle), m = c.zeros(latent.shape()), v = c.zeros(latent.shape());
  const auto draw = [&](const Tensor& x) {         // in the graph
    if (o.labels) conditional(*g.network).set_condition(o.labels);
    if (o.space == LatentSpace::z) return (*g.network)(reshape(x, {x.size(0), 1, 1, g.model.latent}));
    return g.styled()->draw(o.space == LatentSpace::w ? expand(reshape(x, {x.size(0), 1, x.size(1)}), {x.size(0), g.styled()->layers(), x.size(1)}) : x);
  };
  const auto distances = [&] {
    const NoGraph scope(c);
    return picture_distance(draw(latent), target, o.describer).values();
  };

  Projection found;
  found.begun = distances();
  OptimizerSettings adam;
  adam.beta2 = 0.999;
  const Context::AtStep begin(c, 0);
  StepState& state = c.step_state();
  for (int step = 1; step <= o.steps; ++step) {
    const double t = double(step - 1) / o.steps, left = std::max(0.0, 1 - t / kJittered);
    state.step = uint64_t(step);
    state.update[0] = {o.rate * rate_at(double(step) / (o.steps + 1)), 1 - std::pow(adam.beta1, step), 1 - std::pow(adam.beta2, step)};
    c.publish_step_state();
    const Tensor at = latent.leaf();
    Tensor gradient;
    {
      const Context::Recording on(c, true);
      const Tensor distance = picture_distance(draw(at + c.normal(latent.shape(), stream_key(o.seed, "jitter")) * (spread * kJitter * left * left)), target, o.describer);
      Tensor loss = sum(distance);
      if (o.space == LatentSpace::z) {
        const Tensor longer = mean(flatten(at) * flatten(at), {1}) - 1;
        loss = loss + kLength * sum(longer * longer);
      }
      gradient = grad(loss, {at})[0];
      if (o.progress) o.progress(step, min(distance).item());
    }
    const NoGraph off(c);
    optimizer_step(adam, {latent, gradient, m, v}, 0);
  }

  found.distances = distances();
  found.best = int(std::min_element(found.distances.begin(), found.distances.end()) - found.distances.begin());
  found.latent = {o.space, slice(latent, 0, found.best, found.best + 1) + 0.0};
  return found;
}

}  // namespace weft::gan
