#include "garments.h"

#include "../settings.h"
#include "weft/gan/conditions.h"
#include "weft/gan/gan.h"
#include "weft/gan/latent.h"
#include "weft/gan/provenance.h"
#include "weft/gan/run_contents.h"
#include "weft/gan/sheet.h"
#include "weft/kernels/error.h"

namespace weft::apps::studio {
namespace {

std::string base64(const std::string& bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t k) { return i + k < bytes.size() ? unsigned((unsigned char)bytes[i + k]) : 0u; };
    const unsigned three = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
  }
  return text;
}

/// What stands for the newest checkpoint: a run goes on while it is looked at.
std::string stamp_of(const std::filesystem::path& run) {
  if (!std::filesystem::is_directory(run)) return "file";
  return read_whole(run / "checkpoints" / "LATEST");
}

}  // namespace

const gan::TrainedGenerator& Garments::generator(const std::filesystem::path& run) {
  const std::string stamp = stamp_of(run);
  if (loaded_ != run.string() || stamp_ != stamp) {
    generator_.reset(), loaded_.clear();
    generator_ = gan::load_generator(run.string(), context_);
    loaded_ = run.string(), stamp_ = stamp;
  }
  if (!generator_->model.units.one.empty()) throw ConfigError("this run makes points of the plane; here is a place for pictures");
  return *generator_;
}

Tensor Garments::latents_of(const Json& garments, int64_t length) const {
  std::vector<double> all;
  for (const Json& garment : garments) {
    const Json& row = garment.at("latent");
    if (int64_t(row.size()) != length) throw ConfigError("a latent of " + std::to_string(row.size()) + " numbers, and this run's have " + std::to_string(length) + ": it is of another run");
    for (const Json& value : row) all.push_back(value.get<double>());
  }
  return context_.from(all, {int64_t(garments.size()), 1, 1, length});
}

Garments::Kind Garments::kind_of(const Json& asked, const gan::ModelOptions& model, int64_t turn) {
  Kind kind{asked.value("class", ""), asked.value("truncation", 0.0)};
  if (model.classes.empty()) kind.of_class.clear();
  else if (kind.of_class.empty()) kind.of_class = model.conditions()[size_t(turn) % model.conditions().size()];
  return kind;
}

Tensor Garments::pictures(const std::filesystem::path& run, const Tensor& latents, const std::vector<Kind>& kinds) {
  const gan::TrainedGenerator& g = generator(run);
  auto* styled = dynamic_cast<gan::Styled*>(g.network.get());
  Tensors all;
  for (size_t begin = 0, end = 0; begin < kinds.size(); begin = end) {     // neighbours of one truncation together: a styled generator has one for all
    const double truncation = kinds[begin].truncation;
    std::vector<float> rows;
    for (; end < kinds.size() && kinds[end].truncation == truncation; ++end) {
      const std::vector<float> row = gan::condition_row(g.model.classes, kinds[end].of_class, "class");
      rows.insert(rows.end(), row.begin(), row.end());
    }
    const auto count = int64_t(end - begin);
    Tensor z = slice(latents, 0, int64_t(begin), int64_t(end)), labels;
    if (styled) styled->set_truncation(truncation > 0 ? std::min(1.0, truncation) : 1.0);
    else if (truncation > 0) z = gan::truncated(z, std::max(0.05, truncation));
    if (!rows.empty()) labels = context_.from(rows, {count, int64_t(rows.size()) / count});
    all.push_back(g.pictures(z, labels));
  }
  return concat(all, 0);
}

Json Garments::sheet(const std::filesystem::path& run, const Json& asked) {
  const NoGraph off(context_);
  const gan::TrainedGenerator& g = generator(run);
  const int64_t count = std::clamp<int64_t>(asked.value("count", 24), 1, 48), length = g.model.latent;
  const auto seed = asked.value("seed", uint64_t{0});
  const Json parents = asked.value("parents", Json::array());
  Tensor z;
  std::vector<Kind> kinds;
  if (parents.empty()) {
    z = gan::latents(context_, count, int(length), seed);
    for (int64_t i = 0; i < count; ++i) kinds.push_back(kind_of(asked, g.model, i));
  } else if (parents.size() == 1) {                          // an eighth, a quarter or half of the way to draws of their own
    const int64_t steps = int64_t{1} << (4 - std::clamp(asked.value("far", 2), 1, 3));
    const Tensor parent = latents_of(parents, length), draws = gan::latents(context_, count, int(length), seed);
    std::vector<Tensor> near{parent};
    for (int64_t i = 0; i + 1 < count; ++i) near.push_back(slice(gan::walks(concat({parent, slice(draws, 0, i, i + 1)}, 0), steps + 1, gan::Path::spherical), 0, 1, 2));
    z = concat(near, 0);
    kinds.assign(near.size(), kind_of(parents[0], g.model, 0));
  } else {
    const int64_t pairs = int64_t(parents.size()) - 1, each = std::max<int64_t>(1, count / pairs);
    const Tensor ways = gan::walks(latents_of(parents, length), each + 2, gan::Path::spherical);      // both ends are the parents
    std::vector<Tensor> children;
    for (int64_t p = 0; p < pairs; ++p) {
      children.push_back(slice(ways, 0, p * (each + 2) + 1, (p + 1) * (each + 2) - 1));
      for (int64_t i = 0; i < each; ++i) kinds.push_back(kind_of(parents[size_t(2 * i < each ? p : p + 1)], g.model, 0));
    }
    z = concat(children, 0);
  }
  const Tensor images = pictures(run, z, kinds);
  const std::vector<double> values = z.values();
  Json garments = Json::array();
  for (int64_t i = 0; i < z.size(0); ++i) {
    Json latent = Json::array();
    for (int64_t k = 0; k < length; ++k) latent.push_back(float(values[size_t(i * length + k)]));
    const auto& [of_class, truncation] = kinds[size_t(i)];
    garments.push_back({{"latent", latent}, {"class", of_class}, {"truncation", truncation}, {"picture", base64(gan::encode_png(gan::to_image(images, i)))}});
  }
  std::string command;
  if (parents.empty()) {
    command = "weft generate " + gan::quoted_for_shell(run.string()) + " --count " + std::to_string(count) + " --seed " + std::to_string(seed);
    if (const std::string name = asked.value("class", ""); !name.empty()) command += " --class " + gan::quoted_for_shell(name);
    if (const double truncation = asked.value("truncation", 0.0); truncation > 0) command += " --truncation " + number_text(truncation);
    command += " --out " + gan::quoted_for_shell((shelf_.folder() / "sheet.png").string());
  }
  return {{"garments", garments}, {"classes", g.model.classes}, {"size", images.size(1)}, {"command", command}};
}

Json Garments::pick(const std::filesystem::path& run, const std::string& name, const Json& asked) {
  const NoGraph off(context_);
  const gan::ModelOptions& model = generator(run).model;
  const Tensor images = pictures(run, latents_of(Json::array({asked}), model.latent), {kind_of(asked, model, 0)});
  gan::Image picture = gan::with_channels(gan::to_image(images, 0), 3);
  const int side = std::max(picture.height, picture.width);
  if (side < 256) picture = gan::resized(picture, picture.height * 256 / side, picture.width * 256 / side);     // so that cloth has something to lie on
  return shelf_.add(gan::encode_png(picture, gan::provenance("weft studio", {{"checkpoint", generator_->checkpoint}, {"checkpoint_sha256", generator_->sha256}})), name + ".png");
}

}  // namespace weft::apps::studio
