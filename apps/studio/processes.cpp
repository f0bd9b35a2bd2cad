#include "processes.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>

#include "shelf.h"
#include "weft/gan/provenance.h"
#include "weft/kernels/error.h"
#include "weft/tensor/durable_file.h"

extern char** environ;

namespace weft::apps::studio {
namespace fs = std::filesystem;

bool at_work(const fs::path& run) {
  const int folder = ::open(run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool locked = folder >= 0 && ::flock(folder, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (folder >= 0) ::close(folder);
  return locked;
}

pid_t trainer_of(const fs::path& run) {
  std::error_code trouble;
  const fs::path wanted = fs::canonical(run, trouble);
  for (fs::directory_iterator process("/proc", trouble), end; !trouble && process != end; process.increment(trouble)) {
    const pid_t id = pid_t(std::strtol(process->path().filename().c_str(), nullptr, 10));
    if (id <= 1 || id == getpid()) continue;
    std::error_code hidden;
    for (fs::directory_iterator file(process->path() / "fd", hidden); !hidden && file != fs::directory_iterator(); file.increment(hidden))
      if (std::error_code none; fs::read_symlink(file->path(), none) == wanted) {
        if (read_whole(process->path() / "cmdline").find(std::string("train\0", 6)) != std::string::npos) return id;
      }
  }
  return 0;
}

std::string start_weft(const std::vector<std::string>& words, const fs::path& said) {
  make_directories(said.parent_path());
  std::vector<std::string> all = {"weft"};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  std::string command;
  for (std::string& word : all) arguments.push_back(word.data()), command += (command.empty() ? "" : " ") + gan::quoted_for_shell(word);
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  posix_spawn_file_actions_init(&files), posix_spawnattr_init(&how);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);       // a session of its own: no signal of a terminal reaches it
  pid_t process = 0;
  const int trouble = posix_spawn(&process, "/proc/self/exe", &files, &how, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files), posix_spawnattr_destroy(&how);
  if (trouble) throw Error(std::string("cannot start a process: ") + std::strerror(trouble));
  return command;
}

}  // namespace weft::apps::studio
