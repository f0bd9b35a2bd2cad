// What a conditional network is told of a picture: 0 or 1 for each of some names.
#pragma once
#include <string>
#include <vector>

namespace weft::gan {

/// Classes as rows of 0 and 1. A class called "dress|red" has two names, so several of them can be true of a picture at once (its
/// attributes); classes without a bar are one-hot.
struct Conditions {
  std::vector<std::string> names;        // sorted bytewise where a class has several, else the classes as they come
  std::vector<std::vector<float>> rows;  // one a class, each (names)
};
Conditions conditions_of(const std::vector<std::string>& classes);

/// The row of "dress" or "dress|red" among those names. Throws ConfigError, with a suggestion, for what is none of them; `what` opens it.
std::vector<float> condition_row(const std::vector<std::string>& names, const std::string& text, const std::string& what);

}  // namespace weft::gan
