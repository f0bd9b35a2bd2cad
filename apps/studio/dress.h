// Dress: what is on the screen, as a job of gan/transfer, as a quick look, and as the line that a shell takes.
#pragma once
#include "jobs.h"
#include "shelf.h"
#include "weft/gan/transfer.h"

namespace weft::apps::studio {

/// What the page sends, and what a picture keeps under "weft.studio": pictures by their sum.
struct Dress {
  std::string content, mask;                     // mask: empty: everywhere
  std::vector<std::pair<std::string, double>> styles;
  double lay = 0;                                // share of the first style's cloth that is laid over the content beforehand
  gan::TransferOptions options;
};
/// Throws ConfigError for what is missing or of another kind.
Dress dress_of(const Json& settings);
Json to_json(const Dress& dress);

class Dresser {
 public:
  /// @param quick  for looks
  /// @param slow   for whole pictures, which another thread makes
  Dresser(const Context& quick, const Context& slow, Shelf& shelf) : quick_(quick), slow_(slow), shelf_(shelf) {}

  /// At most 128 pixels, in about a quarter of a second: with as many of the steps as fit into it.
  Json look(const Dress& dress, Report& report);
  /// In full; remembered on the shelf as {"name"}. What is given up is not.
  Json make(const Dress& dress, Report& report);
  /// The command that makes the very same picture. Its pictures are files from then on.
  std::string command(const Dress& dress, const std::filesystem::path& out) const;
  /// So that the first look is as quick as all others. From the thread that works.
  void warm_up();

 private:
  gan::TransferJob job_of(const Dress& dress, int side) const;

  Context quick_, slow_;
  Shelf& shelf_;
  double seconds_a_unit_ = 0;                    // a pixel of a level, a step; as measured by the last looks
};

}  // namespace weft::apps::studio
