// Garments: what a trained generator makes, sheet by sheet; children of two that please, and relatives of one.
#pragma once
#include <optional>

#include "jobs.h"
#include "shelf.h"
#include "weft/gan/trainer.h"

namespace weft::apps::studio {

class Garments {
 public:
  Garments(const Context& context, Shelf& shelf) : context_(context), shelf_(shelf) {}

  /// Pictures of a run: fresh ones of a "seed"; or, of "parents" (latents), children on the spherical way from each to the next, and of
  /// one parent relatives, the nearer the smaller "far" (1 to 3).
  /// A garment is {"latent", "class", "truncation"}; relatives have the class and truncation of their parent, children of the nearer one.
  /// {"count", "seed", "parents": [garment], "far", "class", "truncation"} -> {"garments": [garment and its "picture": PNG as base64], "classes", "size", "command"}
  Json sheet(const std::filesystem::path& run, const Json& asked);
  /// One garment, on the shelf. -> {"id", ...}
  Json pick(const std::filesystem::path& run, const std::string& name, const Json& asked);

 private:
  const gan::TrainedGenerator& generator(const std::filesystem::path& run);
  struct Kind {
    std::string of_class;                        // empty: a run without classes
    double truncation;                           // 0: none
  };
  /// What is asked for, or the class whose turn it is.
  static Kind kind_of(const Json& asked, const gan::ModelOptions& model, int64_t turn);
  Tensor pictures(const std::filesystem::path& run, const Tensor& latents, const std::vector<Kind>& kinds);
  Tensor latents_of(const Json& garments, int64_t length) const;

  Context context_;
  Shelf& shelf_;
  std::string loaded_, stamp_;                   // the run that is in memory, and its newest checkpoint
  std::optional<gan::TrainedGenerator> generator_;
};

}  // namespace weft::apps::studio
