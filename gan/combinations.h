// What cannot go together, in a sentence each, with the nearest that can; and settings that the model does not have, with those that do.
#pragma once
#include "weft/gan/contest.h"

namespace weft::gan {

/// Throws ConfigError where there is none.
void expect_objective(const GanOptions& options);

/// Of the plain game and its two networks. Throws ConfigError.
void expect_possible(const Model& model, const GanOptions& options, const nn::Module& generator, const nn::Module& discriminator);

/// Of a model by name: a setting that only others have would do nothing; nor do an objective or a penalty that its own rules have no place for. Throws ConfigError.
void expect_known(const Model& model, const GanOptions& options);

}  // namespace weft::gan
