#include "processes.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cstring>

#include "shelf.h"
#include "weft/gan/provenance.h"
#include "weft/kernels/error.h"
#include "weft/tensor/durable_file.h"

extern char** environ;

namespace weft::apps::studio {
namespace fs = std::filesystem;

std::map<fs::path, pid_t> trainers() {
  std::map<fs::path, pid_t> found;
  std::error_code trouble;
  for (fs::directory_iterator process("/proc", trouble), end; !trouble && process != end; process.increment(trouble)) {
    const pid_t id = pid_t(std::strtol(process->path().filename().c_str(), nullptr, 10));
    if (id <= 1 || read_whole(process->path() / "cmdline").find(std::string("\0train\0", 7)) == std::string::npos) continue;
    std::error_code hidden, none;
    for (fs::directory_iterator file(process->path() / "fd", hidden), last; !hidden && file != last; file.increment(hidden))
      if (const fs::path target = fs::read_symlink(file->path(), none); !none && target.is_absolute()) found[target] = id;
  }
  return found;
}

void start(const char* program, std::vector<std::string> words, const fs::path& said) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  posix_spawn_file_actions_init(&files), posix_spawnattr_init(&how);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  sigset_t none, all;
  sigemptyset(&none), sigfillset(&all);
  posix_spawnattr_setsigmask(&how, &none), posix_spawnattr_setsigdefault(&how, &all);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t process = 0;
  const int trouble = posix_spawnp(&process, program, &files, &how, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files), posix_spawnattr_destroy(&how);
  if (trouble) throw Error(std::string("cannot start ") + words[0] + ": " + std::strerror(trouble));
}

std::string start_weft(const std::vector<std::string>& words, const fs::path& said) {
  make_directories(said.parent_path());
  std::vector<std::string> all = {"weft"};
  all.insert(all.end(), words.begin(), words.end());
  start("/proc/self/exe", all, said);
  std::string command;
  for (const std::string& word : all) command += (command.empty() ? "" : " ") + gan::quoted_for_shell(word);
  return command;
}

}  // namespace weft::apps::studio
