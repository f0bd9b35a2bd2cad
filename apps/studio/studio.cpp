// weft studio: a page on this machine, for whoever would rather turn dials than type.
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "../command.h"
#include "../pictures.h"
#include "../settings.h"
#include "processes.h"
#include "routes.h"
#include "weft/kernels/error.h"

namespace weft::apps {
namespace {

struct StudioArguments {
  std::string port, runs = "runs", out = "studio", device = "auto", threads = "0";
  bool no_open = false;
};

constexpr int usual_port = 8724;                  // a browser remembers what it keeps for a page by its port

/// In the browser that the desktop prefers, if there is a desktop. Everybody on a machine can read the words of a command, so the address,
/// with its token, goes there in a file that only this user can read.
void open_page(const std::string& address, const std::filesystem::path& file) {
  if (!std::getenv("DISPLAY") && !std::getenv("WAYLAND_DISPLAY")) return;
  const int page = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  const std::string text = "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url=" + address + "\">";
  const bool written = page >= 0 && ::write(page, text.data(), text.size()) == ssize_t(text.size());
  if (page >= 0) ::close(page);
  if (!written) return;
  try {
    studio::start("xdg-open", {"xdg-open", file.string()}, "/dev/null");
  } catch (const Error&) {}                      // without xdg-open, the address stands in the terminal
}

std::unique_ptr<studio::Server> opened(const std::string& port, const std::string& token, studio::Studio& table) {
  const auto answer = [&table](const studio::Request& request) { return table.answer(request); };
  if (!port.empty()) return std::make_unique<studio::Server>(int(parse_integer("--port", port, 0, 65535)), token, answer);
  try {
    return std::make_unique<studio::Server>(usual_port, token, answer);
  } catch (const IoError&) {
    return std::make_unique<studio::Server>(0, token, answer);
  }
}

int run(const StudioArguments& a) {
  const int threads = int(parse_integer("--threads", a.threads, 0, 4096));
  make_folder("--out", a.out), make_folder("--runs", a.runs);
  sigset_t ends;                                 // waited for here, and blocked in every thread that begins from now on
  sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, signal);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  struct sigaction children {};
  children.sa_handler = SIG_IGN, children.sa_flags = SA_NOCLDWAIT;              // runs end when they like, and nobody waits for them
  sigaction(SIGCHLD, &children, nullptr);

  const std::string token = studio::new_token();
  studio::Studio table(token, a.out, a.runs, a.device, threads);
  auto server = opened(a.port, token, table);
  const std::string address = "http://127.0.0.1:" + std::to_string(server->port()) + "/?token=" + token;
  const std::filesystem::path way_in = std::filesystem::absolute(a.out) / ".studio.html";
  std::printf("%s\n", address.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "weft: the studio is open at the address above, for this machine alone. What you save goes to %s; Ctrl-C closes it\n", a.out.c_str());
  if (!a.no_open) open_page(address, way_in);
  int signal = 0;
  sigwait(&ends, &signal);
  pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);  // a second one ends at once
  table.end();                                   // who waits for a job is told, so that the connections can be closed
  server.reset();
  std::error_code none;
  std::filesystem::remove(way_in, none);
  std::fprintf(stderr, "weft: the studio is closed; runs that it began go on\n");
  return 0;
}

}  // namespace

Command studio_command(const std::string&) {
  const auto a = std::make_shared<StudioArguments>();
  return {"studio", "A page on this machine: dress, repeat, breed and train by hand", "weft studio --runs runs/ --out pictures/",
          {{"--port", "N", "of 127.0.0.1, which no other machine can reach; 0: any that is free [8724, or any if that is taken]", &a->port},
           {"--runs", "DIR", "where training runs are, and new ones go [runs]", &a->runs},
           {"--out", "DIR", "where pictures go [studio]", &a->out},
           {"--no-open", "", "do not open the page in a browser, only tell its address", &a->no_open},
           {"--device", "NAME", "auto, or one of `weft info` [auto]", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core [0]", &a->threads}},
          [a] { return run(*a); }};
}

}  // namespace weft::apps
