// Masks: which pixels belong to which style, and how much.
#pragma once
#include "weft/gan/transfer.h"

namespace weft::gan {

/// The job's pictures: grey masks of the content's size, one a region. Throws DataError for one that is no picture, or no mask, or not as large as the content.
void check_pictures(const TransferJob& job);
/// 0 to 1 a pixel: a mask's grey, fading in over `feather` pixels from its edge inwards, so nothing is added outside.
std::vector<float> coverage(const Image& mask, int feather);
/// Throws ConfigError if a mask of a result of this size is too narrow to fade in over so many pixels: no style would be seen.
void check_feather(const TransferJob& job, int height, int width);
/// Indices of the pixels at half coverage or more.
std::vector<int32_t> inside(const Image& mask);
/// base + share * (over - base), with the bytes of base where share is 0.
Image composed(const Image& base, const Image& over, const std::vector<float>& share);
/// The pixels at `where`, in a row; the whole picture if there are none. And the way back.
Image cloud_of(const Image& picture, const std::vector<int32_t>& where);
Image with_cloud(Image picture, const Image& cloud, const std::vector<int32_t>& where);
/// A plane (height, width) under a window of about 2r pixels, as if its borders went on for ever.
std::vector<float> smoothed(std::vector<float> plane, int height, int width, int r);

}  // namespace weft::gan
