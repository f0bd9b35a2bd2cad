// Which place a picture takes is known on the device alone, so each place asks whether it is the one: a pass over all of them,
// 39 MB for 50 pictures of 256x256, beside a step that moves a hundred times that.
#include "weft/gan/translation.h"

namespace weft::gan {

ImagePool::ImagePool(const Context& context, int size, const Shape& s, uint64_t stream) : size_(size), stream_(stream) {
  if (size == 0) return;
  std::vector<double> counted;
  for (int i = 0; i < size; ++i) counted.push_back(i);
  pictures_ = context.zeros({size, s[0], s[1], s[2]});
  kept_ = context.zeros({1});
  places_ = context.from(counted, {size, 1, 1, 1});
}

Tensor ImagePool::exchange(const Tensor& given) {
  const Tensor pictures = cast(given.detach(), given.context().scalar());
  if (size_ == 0) return pictures;
  const Context context = pictures.context();
  const NoGraph scope(context);
  const Tensor draws = context.uniform({pictures.size(0), 2}, stream_);
  Tensors out;
  for (int64_t i = 0; i < pictures.size(0); ++i) {
    const Tensor picture = slice(pictures, 0, i, i + 1), draw = reshape(slice(draws, 0, i, i + 1), {2});
    const Tensor full = greater(kept_, size_ - 0.5);
    const Tensor place = select(full, floor(slice(draw, 0, 0, 1) * double(size_)), kept_);
    const Tensor swapped = full * greater(slice(draw, 0, 1, 2), 0.5);
    const Tensor finite = equal(count_non_finite(picture), 0);
    const Tensor here = equal(places_, place);                             // (size,1,1,1): 1 at one place
    out.push_back(select(swapped, sum(pictures_ * here, {0}, KeepAxes::yes), picture));
    pictures_.copy_from(select(here * maximum(swapped, 1 - full) * finite, picture, pictures_), "image pool");
    kept_.copy_from(kept_ + (1 - full) * finite, "image pool");
  }
  return out.size() == 1 ? out[0] : concat(out, 0);
}

HostTensors ImagePool::state_dict() const {
  const auto kept = size_ == 0 ? 0 : int64_t(kept_.item());
  if (kept == 0) return {};
  const Tensor pictures = slice(pictures_, 0, 0, kept);
  return {{"pictures", nn::to_disk({.value = pictures}, pictures)}};
}

void ImagePool::load_state_dict(const HostTensors& tensors, const std::string& what) {
  const auto found = tensors.find("pictures");
  if (size_ == 0 || found == tensors.end()) {
    if (size_ > 0) kept_.copy_from(kept_ * 0, "image pool");
    return;
  }
  const Shape shape(found->second.shape), own = pictures_.shape();
  if (shape.rank() != 4 || shape[0] > size_ || shape[1] != own[1] || shape[2] != own[2] || shape[3] != own[3])
    throw FormatError(what + ": pictures of shape " + shape.text() + " do not fit a pool of " + own.text());
  const Tensor kept = slice(pictures_, 0, 0, shape[0]);
  nn::from_disk({.value = kept}, found->second, kept);
  kept_.write(std::vector<double>{double(shape[0])}, "image pool");
}

}  // namespace weft::gan
