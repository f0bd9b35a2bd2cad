// Processes that train: found by the folder that each holds, and begun so that they outlive whoever began them.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weft::apps::studio {

/// Processes of this user that train, by the folders that they hold open. The folders' locks are not asked: to try one is to hold it for a
/// moment, in which a run that begins would be refused.
std::map<std::filesystem::path, pid_t> trainers();

/// This program with other words, in a session of its own; what it says goes to the file `said`. Returns the command. Throws Error.
std::string start_weft(const std::vector<std::string>& words, const std::filesystem::path& said);

}  // namespace weft::apps::studio
