#include "weft/gan/transfer.h"

#include <algorithm>
#include <cmath>

#include "style/planes.h"
#include "style/regions.h"
#include "style/transfer_level.h"
#include "weft/gan/colour.h"
#include "weft/gan/sheet.h"

namespace weft::gan {
namespace {

Image mixed(const std::vector<Image>& pictures, const std::vector<double>& weights) {
  Image result = pictures[0];
  double sum = 0;
  for (const double w : weights) sum += w;
  for (size_t i = 0; i < result.pixels.size(); ++i) {
    double value = 0;
    for (size_t k = 0; k < pictures.size(); ++k) value += weights[k] / sum * pictures[k].pixels[i];
    result.pixels[i] = uint8_t(std::lround(value));
  }
  return result;
}

/// The content as it came, before a cloth was laid over it: whose light, colours and surroundings a result has.
const Image& own(const TransferJob& job) { return job.lit.pixels.empty() ? job.content : job.lit; }

/// How much of each pixel is the result's: what the masks say, or all of it.
std::vector<float> shares(const TransferJob& job) {
  std::vector<float> share(size_t(job.content.height) * size_t(job.content.width), job.masks.empty() ? 1.0f : 0.0f);
  for (const Image& mask : job.masks) {
    const std::vector<float> one = coverage(mask, job.options.feather);
    for (size_t i = 0; i < share.size(); ++i) share[i] = std::max(share[i], one[i]);
  }
  return share;
}

/// The job at the result's size, three channels everywhere, and styles in the content's colours if that is wanted.
TransferJob prepared(const TransferJob& job, const TransferPlan& plan) {
  TransferJob at = job;
  at.content = resized_with_alpha(with_channels(job.content, 3), plan.height, plan.width);       // of its own size, with its straight colours
  if (!job.lit.pixels.empty()) at.lit = resized(with_channels(job.lit, 3), plan.height, plan.width);
  for (Image& mask : at.masks) mask = resized(with_channels(mask, 1), plan.height, plan.width);
  for (Style& s : at.styles) {
    s.picture = with_channels(s.picture, 3);
    if (job.options.colours == TransferColours::content) s.picture = recoloured(s.picture, own(at));
  }
  return at;
}

/// Where the optimisation begins: the content, moved towards the styles' colours by a linear map a region. The first levels would
/// otherwise spend their steps on little else; and at structure 1 nothing larger than a patch has a level of its own.
Image start_of(const TransferJob& job) {
  Image start = job.content;
  if (job.options.colours == TransferColours::content) return start;
  for (size_t r = 0; r < std::max<size_t>(1, job.masks.size()); ++r) {
    const std::vector<int32_t> where = job.masks.empty() ? std::vector<int32_t>() : inside(job.masks[r]);
    if (!job.masks.empty() && where.empty()) continue;
    const Image cloud = cloud_of(job.content, where);
    std::vector<Image> pictures{cloud};
    std::vector<double> weights{0};
    for (const Style& s : job.styles) {
      if (s.weight == 0 || (!job.masks.empty() && s.region != int(r))) continue;
      pictures.push_back(recoloured(cloud, s.picture));
      weights.push_back(s.weight);
      weights[0] += s.weight;
    }
    weights[0] *= std::max(0.0, 0.5 / job.options.strength - 1);       // a weak transfer begins nearer to the content
    start = with_cloud(start, mixed(pictures, weights), where);
  }
  return start;
}

/// What pixels were moved to, as the dials will have it, on the content before a cloth was laid over it, so that the cloth fades in too.
Image finished(Image result, const TransferJob& job, const std::vector<float>& share) {
  const TransferOptions& o = job.options;
  if (o.keep_shading) result = job.lit.pixels.empty() ? shaded_as(result, job.content) : lit_as(result, job.lit, share);
  if (o.colours == TransferColours::luminance) result = with_light_of(own(job), result);
  if (o.colours == TransferColours::content) {
    std::vector<int32_t> where;
    for (size_t i = 0; i < share.size(); ++i)
      if (share[i] >= 0.5f && (job.content.alpha.empty() || job.content.alpha[i] > 0)) where.push_back(int32_t(i));
    result = with_cloud(result, recoloured(cloud_of(result, where), cloud_of(own(job), where)), where);
  }
  result = composed(own(job), result, share);
  take_alpha(result, job.content);
  return result;
}

}  // namespace

Image transfer(const Context& context, const TransferJob& whole, const std::function<bool(const TransferProgress&)>& look) {
  const TransferPlan plan = plan_transfer(context, whole);
  const TransferJob job = prepared(whole, plan);
  const std::vector<float> share = shares(job);
  if (plan.steps == 0) return job.lit.pixels.empty() ? job.content : finished(job.content, job, share);
  const NoGraph off(context);
  const Context::AtStep begin(context, 0);

  double work = 0, done = 0;
  for (const int longer : plan.levels) work += double(longer) * longer * plan.steps;
  Tensor x;
  const std::function<Image()> picture = [&] { return finished(resized(to_image(x, 0), plan.height, plan.width), job, share); };
  bool going = true;
  int step = 0;
  const Image start = start_of(job);
  for (size_t l = 0; l < plan.levels.size() && going; ++l) {
    const int longer = plan.levels[l];
    const auto side = [&](int s) { return std::max(1, int(std::lround(double(s) * longer / std::max(plan.height, plan.width)))); };
    const Size2 size{side(plan.height), side(plan.width)};
    x = l == 0 ? to_tensor(context, resized(start, size.h, size.w)) : resize(clamp(x, -1, 1), size, Resize::bilinear);
    const std::unique_ptr<Level> level = job.features ? gram_level(x, to_tensor(context, resized(start, size.h, size.w)), job, plan)
                                                      : std::make_unique<TransferLevel>(context, x, job, plan);
    const std::function<double()> distance = [&] { return level->gap(); };
    for (int i = 0; i < plan.steps && going; ++i) {
      context.step_state().step = uint64_t(step);
      context.publish_step_state();
      level->step(step++);
      x = level->picture;
      done += double(longer) * longer;
      if (look) going = look({step, plan.steps * int(plan.levels.size()), done / work, distance, picture});
    }
  }
  return picture();
}

}  // namespace weft::gan
