// Names in lists: what somebody may have meant.
#include <algorithm>
#include <numeric>

#include "weft/gan/objective.h"

namespace weft::gan {

std::string suggestion(const std::string& given, const std::vector<std::string>& known) {
  std::string best;
  size_t least = std::max<size_t>(2, given.size() / 2) + 1;
  for (const std::string& k : known) {   // Levenshtein's distance, one row at a time
    std::vector<size_t> row(k.size() + 1);
    std::iota(row.begin(), row.end(), size_t(0));
    for (size_t i = 1; i <= given.size(); ++i) {
      size_t diagonal = row[0]++;
      for (size_t j = 1; j <= k.size(); ++j) {
        const size_t change = diagonal + (given[i - 1] != k[j - 1]);
        diagonal = row[j];
        row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() < least) least = row.back(), best = k;
  }
  return best.empty() ? "" : "; did you mean '" + best + "'?";
}

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

std::vector<std::string> parts_of(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(at, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace weft::gan
