// Where networks begin and what of them stands still: values from another run, frozen parameters.
#pragma once
#include "weft/gan/contest.h"

namespace weft::gan {

using NamedNetworks = std::vector<std::pair<std::string, const nn::Module*>>;   // as in "generator"

/// Values from a checkpoint, network by network of the same name; its note hears of those that it does not hold. Throws FormatError if it
/// holds none of them, or with a list, tensor by tensor, of what does not fit; ConfigError for a pattern that names nothing.
void begin_from(const InitFrom& from, const NamedNetworks& networks);

/// Freezes every parameter that one of the patterns names: "generator.main.0.*,discriminator.*", * for any text, ? for one
/// letter. Throws ConfigError for a pattern that names nothing, and if nothing is left to train in a network.
void freeze(const std::string& patterns, const NamedNetworks& networks);

/// Networks to begin from: RUN, RUN@STEP, or a safetensors file of one network. Throws DataError, FormatError.
nn::Checkpoint read_networks(const std::string& source, const std::function<void(const std::string&)>& note);

}  // namespace weft::gan
