// What `weft transfer` is given: pictures, styles with weights, masks, garments that a run makes.
#pragma once
#include <string>
#include <vector>

#include "pictures.h"
#include "weft/gan/provenance.h"
#include "weft/gan/transfer.h"

namespace weft::apps {

/// A word with something after its last colon: PICTURE:0.3, RUN:7, FILE.json:dress. A file of the whole word's name comes first.
struct Suffixed {
  std::string file, suffix;            // empty: none
};
Suffixed suffixed(const std::string& word);

struct NamedPicture {
  std::string name;                    // of its file
  gan::Image picture;
  gan::TextChunks chunks;              // for provenance()
  std::filesystem::path file = {};     // it was read from; empty: from none
};

/// --content: a picture, a folder of them, or RUN[:SEED], image 0 of that seed from the run's newest checkpoint.
std::vector<NamedPicture> content_pictures(const std::string& word, const Context& context);

struct NamedStyle {
  NamedPicture picture;
  double weight;
};
/// --style PICTURE[:WEIGHT] each; or one folder. Throws ConfigError for a weight that is none.
std::vector<NamedStyle> style_pictures(const std::vector<std::string>& words);

/// A mask whose see-through parts are black: decode_image() laid them over white, which is where styles go.
gan::Image as_mask(gan::Image picture);
/// --mask: a picture, or COCO's annotations: FILE.json[:ID|CATEGORY] of the picture called `content`.
gan::Image read_mask(const std::string& word, const std::string& content);

/// `over` laid over the content by a share, stretched to its size; where there are masks, over what they show. Whether a mask has the
/// content's size is found out later, by plan_transfer().
gan::Image laid_over(const gan::Image& content, const gan::Image& over, double share, const std::vector<gan::Image>& masks);
/// --blend PICTURE[:SHARE], half and half if no share is given.
gan::Image blended(const gan::Image& content, const std::string& word, const std::vector<gan::Image>& masks, gan::TextChunks& chunks);

}  // namespace weft::apps
