// Where real images come from. A Dataset knows its size, its classes and how to write image i into a row of a batch.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/gan/image.h"

namespace weft::gan {

struct DatasetOptions {
  int size = 32;                                 // pixels of a side, of the shorter one where pictures are not square
  int channels = 0;                              // 1 or 3; 0: as the data has (IDX files: 1, folders: 3)
  std::string root;                              // where a named data set's files are, if not in their usual place
  Fit fit = Fit::crop;                           // how a folder's picture of another shape gets this one
  uint8_t fill_value = 255;                      // of the borders of Fit::pad
  std::string labels;                            // a folder's classes and weights, a CSV; empty: FOLDER/labels.csv if it is there
  double broken_share = 0.05;                    // of a folder's pictures that may be broken, and three always; [0, 1]
  std::function<void(const std::string&)> note;  // hears each broken picture once; called from whichever thread reads
  size_t cache_bytes = size_t(1) << 30;          // decoded pictures of a folder that are kept
  int across = 0, high = 0;                      // pixels of the longer side, from left to right or from top to bottom; 0: size
};

/// How numbers in the data's own units become what networks see, an axis: y = (x - zero) / one. Empty for pictures, whose y is x/127.5 - 1.
struct Units {
  std::vector<double> zero, one;
};

struct Mixture;

/// One thread reads at a time; the plain getters are for any.
class Dataset {
 public:
  virtual ~Dataset() = default;
  int64_t size() const { return size_; }
  int height() const { return side_; }
  int width() const { return across_ ? across_ : side_; }
  int channels() const { return channels_; }
  const std::vector<std::string>& classes() const { return classes_; }    // empty: the data has none
  const std::vector<int>& labels() const { return labels_; }              // (size): each image's class; empty: none
  const std::vector<double>& weights() const { return weights_; }         // (size): for Sampling::weighted; empty: none
  const Units& units() const { return units_; }
  /// Whether image i is there for any i >= 0, drawn afresh: then size() is only how many an epoch has, and no image comes twice.
  bool endless() const { return endless_; }

  /// What points are drawn from, where that is known; else nullptr.
  virtual const Mixture* mixture() const { return nullptr; }

  /// Writes image i, i in [0, size()) unless endless, as (height, width, channels) in [-1, 1], y = x/127.5 - 1; returns its class, 0 if there
  /// are none. Broken pictures are replaced by the next good one, class included, whatever the order of calls.
  /// Throws: DataError if too many are broken.
  virtual int read(int64_t i, float* out) = 0;
  /// The file of image i below the folder; empty where pictures are not files.
  virtual std::string name(int64_t) const { return ""; }
  /// SHA-256 over count, classes, labels, weights and names: whether it is the data of before. Pixels are not looked at.
  std::string fingerprint() const;
  int64_t broken() const { return broken_; }     // found so far; ask from the reading thread

 protected:
  int64_t size_ = 0, broken_ = 0;
  int side_ = 0, across_ = 0, channels_ = 0;     // pixels from top to bottom, and from left to right; across_ 0: as many
  std::vector<std::string> classes_;
  std::vector<int> labels_;
  std::vector<double> weights_;
  Units units_;
  bool endless_ = false;
};

/// A data set that has a name: a row of `weft list data`.
struct NamedData {
  const char* name;
  const char* what;
  const char* folder;                            // where its package puts it; empty: weft makes the pictures itself
  const char* package;
};
constexpr NamedData kNamedData[] = {
    {"fashion-mnist", "60,000 grey garments of 28x28 in 10 classes (Xiao, Rasul, Vollgraf, arXiv:1708.07747)",
     "/usr/share/datasets/fashion-mnist", "dataset-fashion-mnist"},
    {"swatches", "20,000 textile swatches that weft draws: stripes, checks, houndstooth, tartan, dots; 8 to 1024 pixels", "", ""},
    {"garments", "20,000 garments that weft draws: T-shirts, longsleeves, dresses, skirts, trousers; 16 to 2048 pixels", "", ""},
    {"garment-masks", "where each of those garments is: white on black", "", ""},
    {"stacked-digits", "128,000 pictures of three drawn digits, one a channel: 1,000 modes to be found, after stacked MNIST (arXiv:1611.02163); 16 to 256 pixels", "", ""},
    {"ring8", "points, drawn afresh for ever: eight narrow Gaussians on a circle (arXiv:1712.04086); for `weft train mlp`", "", ""},
    {"grid25", "points, drawn afresh for ever: 25 narrow Gaussians, five times five (arXiv:1712.04086); for `weft train mlp`", "", ""}};

/// @param source  a name of kNamedData, a folder of pictures (its classes are those of its labels.csv, or else its first-level folders), an IDX file of
///                images, plain or gzip, whose labels are taken from the file beside it if there is one, or a CSV of points, x,y a line. Points are
///                pictures of one pixel with two channels, in units of their own, and size is 1
/// Pictures of a folder and swatches can be other than square. IDX pictures are never resampled: `size` is their own or the next power of two, reached by a black border.
/// Throws: DataError for a source that is missing, empty or unreadable, FormatError for a broken IDX file, ConfigError for a
/// size or channel count that the source cannot give.
std::shared_ptr<Dataset> open_dataset(const std::string& source, const DatasetOptions&);

/// The part of the same source that nothing is trained on: of fashion-mnist t10k, of IDX files train-... the t10k-... beside it.
/// nullptr where there is none. Throws as open_dataset.
std::shared_ptr<Dataset> open_test_part(const std::string& source, const DatasetOptions&);

/// What an IDX file, plain or gzip, says of itself; `type` is "uint8", "float32" and the like.
struct IdxHeader {
  std::string type;
  std::vector<int64_t> shape;
};
/// Throws DataError if there is no such file, FormatError if it is no IDX file. Does not look at the values.
IdxHeader read_idx_header(const std::filesystem::path&);

}  // namespace weft::gan
