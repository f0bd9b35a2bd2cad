#include "weft/gan/dataset.h"

#include "dataset_kinds.h"
#include "weft/gan/digits.h"
#include "weft/gan/mixture.h"
#include "weft/gan/objective.h"
#include "weft/kernels/error.h"
#include "weft/tensor/sha256.h"

namespace weft::gan {
namespace {

namespace fs = std::filesystem;

/// DIR/stem or DIR/stem.gz; empty if neither is there.
fs::path plain_or_gzip(const fs::path& stem) {
  for (const char* ending : {"", ".gz"}) {
    fs::path path = stem;
    path += ending;
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path;
  }
  return {};
}

std::shared_ptr<Dataset> open_fashion_mnist(const NamedData& data, const DatasetOptions& options) {
  const fs::path root = options.root.empty() ? fs::path(data.folder) : fs::path(options.root);
  const fs::path images = plain_or_gzip(root / "train-images-idx3-ubyte"), labels = plain_or_gzip(root / "train-labels-idx1-ubyte");
  if (images.empty() || labels.empty())
    throw DataError(std::string(data.name) + ": no train-" + (images.empty() ? "images-idx3" : "labels-idx1") + "-ubyte[.gz] in " +
                    root.string() + "; `apt-get install " + data.package + "` brings its four files (train- and t10k-, images-idx3-ubyte and labels-idx1-ubyte), " +
                    "or name the folder that has them with --set data.root=DIR, or try --data swatches, which needs no file");
  return open_idx(data.name, images, labels,
                  {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}, options);
}

/// The file whose name has `to` in the place of `part`; empty if it is not there.
fs::path beside(const fs::path& images, const std::string& part, const char* to) {
  fs::path stem = images.filename();
  if (stem.extension() == ".gz") stem = stem.stem();
  std::string name = stem.string();
  const size_t at = name.find(part);
  return at == std::string::npos ? fs::path() : plain_or_gzip(images.parent_path() / name.replace(at, part.size(), to));
}
fs::path labels_beside(const fs::path& images) { return beside(images, "images-idx3", "labels-idx1"); }

}  // namespace

std::shared_ptr<Dataset> open_test_part(const std::string& source, const DatasetOptions& options) {
  fs::path images = source;
  for (const NamedData& data : kNamedData)
    if (source == data.name) images = *data.folder ? plain_or_gzip((options.root.empty() ? fs::path(data.folder) : fs::path(options.root)) / "train-images-idx3-ubyte") : fs::path();
  const fs::path test = beside(images, "train-", "t10k-");
  return test.empty() || !is_idx_images(test) ? nullptr : open_idx(source, test, labels_beside(test), {}, options);
}

std::string Dataset::fingerprint() const {
  Sha256 sum;
  auto add = [&](const std::string& text) { sum.update(text.c_str(), text.size() + 1); };   // its zero byte parts it from the next
  add(std::to_string(size_));
  for (const std::string& c : classes_) add(c);
  for (int64_t i = 0; i < size_; ++i) add(name(i));
  sum.update(labels_.data(), labels_.size() * sizeof(int)).update(weights_.data(), weights_.size() * sizeof(double));
  return sum.hex();
}

std::shared_ptr<Dataset> open_dataset(const std::string& source, const DatasetOptions& options) {
  if (options.channels != 0 && options.channels != 1 && options.channels != 3)
    throw ConfigError("channels = " + std::to_string(options.channels) + "; pictures have 1 (grey) or 3 (colour), and 0 takes what the data has");
  if (options.size < 1 || options.size > 4096) throw ConfigError("size = " + std::to_string(options.size) + " is no side of a picture, 1 to 4096 pixels");
  if (source.empty()) throw ConfigError("no data: name a folder of pictures, an IDX file, or one of `weft list data`");

  std::error_code trouble;
  const fs::file_status status = fs::status(source, trouble);
  if (!options.labels.empty() && !fs::is_directory(status))
    throw ConfigError("labels = '" + options.labels + "' is for a folder of pictures, and " + source + " is none");
  std::vector<std::string> names;
  const auto points_have_no_size = [&] {
    if (options.size != 1) throw ConfigError(source + " is of points in the plane, and model.size = " + std::to_string(options.size) + " asks for pictures; `weft train mlp` learns points");
  };
  if ((options.across || options.high) && source != "swatches" && !fs::is_directory(status))
    throw ConfigError(source + " has square pictures, which are not stretched; other shapes are for a folder of pictures, and for swatches; --size " + std::to_string(options.size) + " takes them as they are");
  for (const NamedData& data : kNamedData) {
    if (source == data.name && find_mixture(source)) return points_have_no_size(), open_drawn_mixture(*find_mixture(source));
    if (source == data.name && fs::is_directory(status) && options.note) options.note(source + " is taken for the data set of that name; the folder is ./" + source);
    if (source == data.name)
      return *data.folder ? open_fashion_mnist(data, options) : source == "swatches" ? open_swatches(options) : source == kStackedDigits ? open_stacked_digits(options)
                          : open_drawn_garments(options, source == "garment-masks");
    names.push_back(data.name);
  }
  if (fs::is_directory(status)) return open_folder(source, options);
  if (fs::is_regular_file(status)) {
    if (is_points_file(source)) return points_have_no_size(), open_points(source);
    if (is_idx_images(source)) return open_idx(source, source, labels_beside(source), {}, options);
    throw DataError(source + " is a file, but not an IDX file of images, nor a CSV of points (x,y a line); name the folder that holds the pictures");
  }
  if (status.type() != fs::file_type::not_found && trouble) throw DataError("cannot read " + source + ": " + trouble.message());
  throw DataError("there is no folder or file " + source + ", and no data set of that name" + suggestion(source, names));
}

}  // namespace weft::gan
