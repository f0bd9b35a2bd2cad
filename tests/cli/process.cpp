#include "process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "where.h"

namespace cli {
namespace {

constexpr int time_limit = 120;   // seconds, for one run of the program

using Clock = std::chrono::steady_clock;

[[noreturn]] void become_weft(const Words& words, const Surroundings& around) {
  std::vector<char*> arguments;
  std::string program = weft::testing::from_environment("WEFT_PROGRAM", WEFT_PROGRAM);
  arguments.push_back(program.data());
  Words copy = words;
  for (std::string& word : copy) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  unsetenv("NO_COLOR");
  signal(SIGHUP, SIG_DFL);                                 // which nohup has ignored, and exec leaves so
  for (const auto& [name, value] : around.environment) setenv(name.c_str(), value.c_str(), 1);
  if (around.as_user && geteuid() == 0)                    // what root may do beyond its own files is not given back by exec
    for (const int capability : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH})
      if (prctl(PR_CAPBSET_DROP, capability) != 0) _exit(126);
  alarm(time_limit);
  execv(program.c_str(), arguments.data());
  _exit(127);
}

void drain(int fd, std::string& into) {
  char bytes[4096];
  for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;) into.append(bytes, static_cast<size_t>(n));
}

}  // namespace

bool has_terminals() {
  int ends[2];
  if (openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) != 0) return false;
  close(ends[0]), close(ends[1]);
  return true;
}

Result run_weft(const Words& words, const Surroundings& around) {
  Result result;
  int out[2] = {-1, -1}, err[2] = {-1, -1};
  const auto start = Clock::now();
  pid_t child;
  if (around.terminal) {
    winsize size{24, 100, 0, 0};
    child = forkpty(&out[0], nullptr, nullptr, &size);
    if (child == 0) become_weft(words, around);
  } else {
    if (pipe(out) || pipe(err)) throw std::runtime_error("no pipes");
    child = fork();
    if (child == 0) {
      dup2(out[1], STDOUT_FILENO), dup2(err[1], STDERR_FILENO);
      for (const int fd : {out[0], out[1], err[0], err[1]}) close(fd);
      become_weft(words, around);
    }
    close(out[1]), close(err[1]);
  }
  if (child < 0) throw std::runtime_error("cannot start " WEFT_PROGRAM);
  if (around.unread)
    for (int* fd : {&out[0], &err[0]}) close(*fd), *fd = -1;

  int sent = 0;
  int status = 0;
  for (const int fd : {out[0], err[0]})
    if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
  rusage used{};
  while (wait4(child, &status, WNOHANG, &used) == 0) {
    pollfd waiting[] = {{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
    poll(waiting, 2, 5);
    drain(out[0], result.out), drain(err[0], result.err);
    if (sent < around.times && around.signal && around.when()) kill(child, around.signal), ++sent;
  }
  drain(out[0], result.out), drain(err[0], result.err);
  close(out[0]), close(err[0]);
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  for (const timeval& part : {used.ru_utime, used.ru_stime})
    result.processor_seconds += static_cast<double>(part.tv_sec) + 1e-6 * static_cast<double>(part.tv_usec);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "weft cli \xc3\xbc\xe7\xb9\x94 XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  if (!(file << bytes) && !bytes.empty()) throw std::runtime_error("cannot write " + path);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_pictures(const std::string& folder, int count, int side) {
  fs::create_directories(folder);
  for (int k = 0; k < count; ++k) {
    weft::gan::Image image{side, side, 3, std::vector<uint8_t>(static_cast<size_t>(side * side * 3))};
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 7 + static_cast<size_t>(k) * 13);
    char name[32];
    std::snprintf(name, sizeof name, "/%05d.png", k);
    write_file(folder + name, weft::gan::encode_png(image));
  }
}

Words small_run(const std::string& data, const std::string& out, const Words& more) {
  Words words = {"train", "dcgan", "--data", data, "--out", out, "--size", "16", "--width", "4", "--batch", "4",
                 "--steps", "2", "--device", "cpu", "--threads", "1", "--set", "run.samples=4"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace cli
