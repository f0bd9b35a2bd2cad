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

/// A program in a session of its own, which no signal of a terminal reaches, with no signal blocked or ignored; what it says goes to the
/// file `said`. The first of the words is its name for itself. Throws Error.
void start(const char* program, std::vector<std::string> words, const std::filesystem::path& said);
/// This program with other words, by start(). Returns the command.
std::string start_weft(const std::vector<std::string>& words, const std::filesystem::path& said);

}  // namespace weft::apps::studio
