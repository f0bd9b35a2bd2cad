// Pictures of tensors: one image, or many on a sheet.
#pragma once
#include "weft/gan/image.h"
#include "weft/tensor/context.h"
#include "weft/tensor/tensor.h"

namespace weft::gan {

/// Pixels of images[i] (N,H,W,C) in [-1,1]: (x + 1) * 127.5, rounded half to even, clamped.
Image to_image(const Tensor& images, int64_t i);
/// The other way: (N,H,W,channels) of pictures of one size.
Tensor to_tensor(const Context& context, std::span<const Image> pictures, int channels);
inline Tensor to_tensor(const Context& context, const Image& picture) { return to_tensor(context, {&picture, 1}, picture.channels); }
/// All images on a sheet of `columns` (0: about as wide as high), left to right and down, with a thin gap.
Image to_sheet(const Tensor& images, int columns = 0);

/// Pictures of any sizes on white, `columns` a row, each in the middle of a cell as large as the largest. A caption stands under its
/// picture, in capitals: letters, digits, '.', '-', ':' and blanks; no captions, or one a picture.
Image contact_sheet(const std::vector<Image>& pictures, int columns, const std::vector<std::string>& captions = {});
/// Height and width of such a sheet of `count` pictures, the largest `height` high and `width` wide.
std::pair<int64_t, int64_t> contact_sheet_size(int height, int width, size_t count, int columns, bool captioned);

}  // namespace weft::gan
