// Swatch: repeats, palettes and recolouring; and pictures that weft draws, for a table that is still empty.
#pragma once
#include "jobs.h"
#include "shelf.h"
#include "weft/tensor/context.h"

namespace weft::apps::studio {

/// Picture `index` of a set that weft draws.
gan::Image drawn(const Context& context, const std::string& set, int64_t index, int size);

// Jobs. Each takes what the page sent, and returns what it is to know; pictures that come of it are on the shelf, by "id".

/// {"set": garments|swatches, "index", "size"} -> {"id", ...}; a garment has a "mask" as well.
Json draw(const Context& context, Shelf& shelf, const Json& asked);
/// {"id", "layout", "whole"} -> {"id", "how", "score", "command", "smaller"}: a piece that repeats straight; smaller: to look at, of the swatch
/// at 1024 pixels, as it is unless the whole is asked for.
Json tile(const Context& context, Shelf& shelf, const Json& asked);
/// {"id", "layout", "repeat"}: that much of the cloth, to dress somebody with.
Json cloth_of(const Context& context, Shelf& shelf, const Json& asked);
/// {"id", "count"} -> {"colours": [{"hex", "share"}]}
Json palette(Shelf& shelf, const Json& asked);
/// {"id", "colours": [{"hex", "share"}] or "palette": id, "method", "flat", "hue", "saturation", "contrast"} -> {"id", "command"}
Json recolour(Shelf& shelf, const Json& asked, Report& report);

}  // namespace weft::apps::studio
