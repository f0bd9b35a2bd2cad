// Where an encoder sees the classes of a data set: directions to edit a picture along.
#pragma once
#include <string>
#include <vector>

#include "weft/gan/dataset.h"
#include "weft/gan/vaegan.h"

namespace weft::gan {

/// The mean of each picture's code: (N,H,W,C) -> (N, latent).
Tensor code_means(Encoder& encoder, const Tensor& pictures);

/// Mean codes of each class of a data set, over some of its pictures from all over it. Larsen et al., arXiv:1512.09300, section 4.2.1.
class ClassCodes {
 public:
  /// A class with bars in its name, as in dress|red, has several attributes, and counts for each.
  /// @param data  with classes; ConfigError if it has none
  /// @param most  pictures that are looked at
  ClassCodes(Encoder& encoder, Dataset& data, int64_t most = 2000);

  /// From the mean code of the pictures without this class, or attribute, to that of those with it, (latent). Throws ConfigError with a
  /// suggestion for a name that is none, and for one that all pictures have or none of those looked at has.
  Tensor toward(const std::string& name, const Context& context) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<double>> sums_;   // of each name; the last is of all
  std::vector<int64_t> counts_;
};

}  // namespace weft::gan
