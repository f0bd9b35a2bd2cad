// What became of a picture in another's style, in figures and side by side: for a program as JSON, for a person as one page.
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "weft/gan/measures.h"

namespace weft::gan {

/// The measures of one picture; distances are to all styles together.
struct Quality {
  std::array<double, 3> patches, patches_cosine;       // by both banks, at full, half and quarter size
  double colours;
  double structure;                                    // SSIM to the content
  double shading;                                      // correlation with the content's luminance, blurred by a 32nd of the longer side
  double copied;                                       // the largest copied share of a style
};
/// `content` is brought to the picture's size. Styles count in the size they are given in: that of the transfer.
Quality measure_quality(const Context& context, const Image& picture, const Image& content, const std::vector<Image>& styles);

struct DressedPicture {
  std::string title, command;
  Image content, result;
  std::vector<std::pair<std::string, Image>> styles;   // name and picture; at least one
};

/// {"before": {...}, "after": {...}, "change": {...}}: before is the content as it was. Changes of distances are (after - before) / before.
std::string quality_json(const Quality& before, const Quality& after);
/// One HTML file that needs nothing beside it.
std::string quality_html(const DressedPicture& picture, const Quality& before, const Quality& after);
/// Measures, and writes `page` and, beside it, the same name with .json. Throws IoError.
void write_quality_report(const Context& context, const DressedPicture& picture, const std::filesystem::path& page);

}  // namespace weft::gan
