// Processes that train: found by the folder that each holds, and begun so that they outlive whoever began them.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace weft::apps::studio {

/// Whether somebody trains into it: then its folder is locked.
bool at_work(const std::filesystem::path& run);

/// The process that trains into it; 0: none that may be seen.
pid_t trainer_of(const std::filesystem::path& run);

/// This program with other words, in a session of its own; what it says goes to the file `said`. Returns the command. Throws Error.
std::string start_weft(const std::vector<std::string>& words, const std::filesystem::path& said);

}  // namespace weft::apps::studio
