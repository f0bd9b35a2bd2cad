// How good a trained generator is, in figures: `weft evaluate`. docs/metrics.md says what each means and when not to believe it.
#pragma once
#include <deque>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "weft/gan/image.h"
#include "weft/gan/trainer.h"

namespace weft::gan {

/// like_data: neither lower nor higher is better by itself, but what real pictures have.
enum class Better { lower, higher, like_data };
const char* name_of(Better);

struct Figure {
  std::string name, what;
  Better better = Better::lower;
  double value = NAN;                    // of generated pictures against real ones; NaN: refused, and `note` says why
  double real = NAN;                     // of other real pictures of the same number in their place: what a perfect generator would get
  double test = NAN;                     // of the data's test part in their place, where it has one of that size
  double bias = NAN;                     // how much of `value` is owed to the number of pictures alone, where that is known
  int64_t count = 0;                     // pictures on each side
  std::string resize = "none";           // filter, and from which side to which, before the network or measure saw them
  std::string features;                  // sha256 of the network that saw them; empty: none did
  std::string note = "";
};

struct EvaluateRequest {
  std::string run, data;                 // as load_generator and open_dataset take them
  std::string features;                  // as find_describer takes it; empty: only what needs no network
  int64_t count = 10000;                 // generated pictures, and as many real ones twice; fewer if the data has fewer than twice that
  uint64_t seed = 0;
  bool accuracy_score = false;           // also train a classifier on generated pictures, and one on real ones
  bool brief = false;                    // only what the network and the readers of digits and points tell: no patches, likeness or nearest pictures, and no sheet
  std::function<void(const std::string&)> note = {};   // hears what is being done
  DatasetOptions reading = {};           // how the data's pictures are read: root, labels, fit, fill_value; their sides and channels are the generator's
};

struct Evaluation {
  std::string checkpoint, sha256;        // of the generator
  std::string data_fingerprint;
  int64_t real_pictures = 0;             // in the data set
  int size = 0, width = 0, channels = 0; // pixels from top to bottom, and from left to right
  std::string describer, features;       // what saw the pictures, and its hash; empty: nothing
  double classifier_accuracy = NAN;      // of the classifier among the features, on real pictures: the test part's, or else others
  std::deque<Figure> figures;            // which leaves those that are there where they are
  struct Class { std::string name; double share, real; };
  std::vector<Class> classes;            // by the classifier, or by the reader of digits, in generated pictures; and in the data
  Image memorised;                       // the samples that are nearest to a training picture, each beside it
};

/// Throws DataError, FormatError; ConfigError for pictures that cannot be compared.
Evaluation evaluate(const EvaluateRequest& request, const Context& context);

/// How well a classifier does on real pictures that was trained on generated ones; and one, by the same recipe, on real ones.
/// Paper: Ravuri and Vinyals, arXiv:1905.10887.
struct Labelled { std::vector<Image> pictures; std::vector<int> labels; };
struct AccuracyScore { double generated = NAN, real = NAN; };
AccuracyScore accuracy_score(const Context& context, const Labelled& generated, const Labelled& real, const Labelled& test,
                             const std::vector<std::string>& classes, int width, int epochs, uint64_t seed);
struct Describer;
/// The share of pictures that a describer with a classifier takes for what they are.
double accuracy(const Context& context, const Describer& describer, const Labelled& test);

}  // namespace weft::gan
