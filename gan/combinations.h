// What cannot go together, in a sentence each, with the nearest that can.
#pragma once
#include "weft/gan/contest.h"

namespace weft::gan {

/// Of the plain game and its two networks. Throws ConfigError.
void expect_possible(const Model& model, const GanOptions& options, const nn::Module& generator, const nn::Module& discriminator);

/// Of a model that plays by rules of its own, and knows none of what GanOptions has for the plain game. Throws ConfigError.
void expect_plain(const Model& model, const GanOptions& options);

/// Of a setting that only some models have: another would take it and do nothing. Throws ConfigError that names those that have it.
void expect_known(const Model& model, const GanOptions& options);

}  // namespace weft::gan
