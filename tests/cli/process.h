// Runs the weft program and keeps what it said.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "weft/gan/image.h"

namespace cli {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

struct Result {
  int code = -1;               // the exit code; 128 + signal if a signal ended it
  std::string out, err;
  double seconds = 0;          // by the clock
  double processor_seconds = 0;
  bool says(const std::string& part) const { return err.find(part) != std::string::npos; }
};

struct Surroundings {
  std::vector<std::pair<std::string, std::string>> environment;
  bool as_user = false;                     // file permissions hold, even for root
  bool unread = false;                      // nobody reads what it says: its pipes are closed on the other side
  bool terminal = false;                    // stderr (and stdout) on a terminal of 100 columns; all is then in `out`
  std::function<bool()> when;               // once this is true ...
  int signal = 0;                           // ... this signal is sent
  int times = 1;                            // so often, a few thousandths of a second apart
};

/// Whether this system gives out pseudo-terminals: a bare chroot does not.
bool has_terminals();

Result run_weft(const Words& words, const Surroundings& around = {});

/// A new empty folder that goes with the object. Its name has a space and letters beyond ASCII: every path of these tests has.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

void write_file(const std::string& path, const std::string& bytes);
std::string read_file(const std::string& path);

/// `count` different small pictures in a new folder: 00000.png, ...
void write_pictures(const std::string& folder, int count, int side = 16);

/// `weft train` with the smallest network and two steps on `data`, into `out`.
Words small_run(const std::string& data, const std::string& out, const Words& more = {});

}  // namespace cli
