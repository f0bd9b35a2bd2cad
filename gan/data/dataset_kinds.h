// What open_dataset chooses from.
#pragma once
#include <filesystem>

#include "weft/gan/dataset.h"

namespace weft::gan {

bool is_idx_images(const std::filesystem::path&);
/// @param what    the source as the user wrote it, for messages
/// @param labels  may be empty: no classes
std::shared_ptr<Dataset> open_idx(const std::string& what, const std::filesystem::path& images, const std::filesystem::path& labels,
                                  std::vector<std::string> classes, const DatasetOptions&);
/// Swatch i is a function of (i, size) alone. Throws: ConfigError unless size is 8 to 1024.
std::shared_ptr<Dataset> open_swatches(const DatasetOptions&);
/// Garment i is a function of (i, size) alone; `masks`: where it is, in white. Throws: ConfigError unless size is 16 to 2048.
std::shared_ptr<Dataset> open_drawn_garments(const DatasetOptions&, bool masks);
/// Stack i is a function of (i, size) alone. Throws: ConfigError unless size is 16 to 256, and for one channel.
std::shared_ptr<Dataset> open_stacked_digits(const DatasetOptions&);
/// Pairs of a line drawing and the picture, of any source of open_dataset.
std::shared_ptr<Dataset> open_sketches(const std::string& source, const DatasetOptions&);
struct Mixture;
std::shared_ptr<Dataset> open_drawn_mixture(const Mixture& mixture);
bool is_points_file(const std::filesystem::path&);
/// @param what  a CSV of points. Throws: DataError that lists what is no point
std::shared_ptr<Dataset> open_points(const std::string& what);
std::shared_ptr<Dataset> open_folder(const std::filesystem::path&, const DatasetOptions&);

}  // namespace weft::gan
