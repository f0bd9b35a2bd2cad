#include "weft/tensor/durable_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>   // renameat2
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace weft {
namespace fs = std::filesystem;

namespace {

/// What WEFT_FILE_FAULT asks for.
class Fault {
 public:
  enum class Kind { none, kill, stop, error };

  Fault() {
    const char* text = std::getenv("WEFT_FILE_FAULT");
    if (!text) return;
    counting_ = std::string_view(text) == "count";
    char* end = nullptr;
    first_ = std::strtoull(text, &end, 10);
    lasting_ = *end == '+';
    const std::string_view wish = *(end += lasting_) == ':' ? end + 1 : "";
    kind_ = wish == "kill" ? Kind::kill : wish == "stop" ? Kind::stop : Kind::error;
    error_ = wish == "ENOSPC" ? ENOSPC : wish == "EIO" ? EIO : wish == "EDQUOT" ? EDQUOT : wish == "EINTR" ? EINTR : wish == "EINVAL" ? EINVAL : 0;
    if (first_ == 0 || (kind_ == Kind::error && error_ == 0)) kind_ = Kind::none;
  }
  ~Fault() {
    if (counting_) std::fprintf(stderr, "file calls: %llu\n", static_cast<unsigned long long>(calls_.load()));
  }

  /// Counts a call that is about to be made, and says what is to happen to it.
  Kind next() {
    const uint64_t call = ++calls_;
    return kind_ != Kind::none && (call == first_ || (lasting_ && call > first_)) ? kind_ : Kind::none;
  }
  int error() const { return error_; }

 private:
  Kind kind_ = Kind::none;
  bool counting_ = false, lasting_ = false;
  unsigned long long first_ = 0;
  int error_ = 0;
  std::atomic<uint64_t> calls_{0};
};

Fault& fault() {
  static Fault plan;
  return plan;
}

/// Makes one system call that returns -1 and errno on failure, unless a test has other plans for it. `half`: what is done of
/// the call when the process is killed in its midst.
template <class Call, class Half>
auto system_call(Call call, Half half) -> decltype(call()) {
  switch (fault().next()) {
    case Fault::Kind::kill: half(), ::raise(SIGKILL); break;
    case Fault::Kind::stop: ::raise(SIGTERM); break;
    case Fault::Kind::error: errno = fault().error(); return -1;
    case Fault::Kind::none: break;
  }
  return call();
}
template <class Call>
auto system_call(Call call) { return system_call(call, [] {}); }

fs::path folder_of(const fs::path& path) { return path.parent_path().empty() ? fs::path(".") : path.parent_path(); }
fs::path hidden_beside(const fs::path& path) { return path.parent_path() / (".weft-" + std::to_string(::getpid()) + "." + path.filename().string()); }

/// Makes a call again while a signal interrupts it. Throws IoError.
template <class Call>
void succeed(const char* doing, const fs::path& path, Call call) {
  while (system_call(call) != 0)
    if (errno != EINTR) throw_io(doing, path, errno);
}

/// The file that `path` names, behind symbolic links, and its mode if it is there. Throws IoError if what is there is no plain
/// file: a rename would put one in the place of a device.
fs::path behind_links(const fs::path& path, std::optional<mode_t>& mode) {
  struct stat there;
  if (::stat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) throw IoError("cannot write over " + path.string() + ": it is not a plain file; choose another name");
    mode = there.st_mode & 07777;
  } else if (errno != ENOENT) {
    throw_io("create", path, errno);
  }
  fs::path file = path;
  for (std::error_code none; fs::is_symlink(file, none);) file = file.parent_path() / fs::read_symlink(file, none);
  return file;
}

}  // namespace

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

void throw_io(const char* doing, const fs::path& path, int error) {
  std::string text = std::string("cannot ") + doing + " " + path.string() + ": " + std::strerror(error);
  struct statvfs disk;
  if ((error == ENOSPC || error == EDQUOT || error == EIO) && ::statvfs(folder_of(path).c_str(), &disk) == 0)
    text += " (" + std::to_string(uint64_t(disk.f_bavail) * disk.f_frsize) + " bytes are free)";
  throw IoError(text);
}

void throw_unreadable(const fs::path& path, int error) {
  if (error == EMFILE || error == ENFILE) throw_io("read", path, error);
  throw DataError("cannot read " + path.string() + ": " + std::strerror(error));
}

DurableFile::DurableFile(const fs::path& path, Mode mode) : path_(path), written_to_(path), mode_(mode) {
  std::optional<mode_t> before;
  if (mode == Mode::replace) path_ = behind_links(path, before), written_to_ = hidden_beside(path_);
  const int how = mode == Mode::replace ? O_CREAT | O_TRUNC | O_NOFOLLOW : O_CREAT | O_APPEND;
  do file_ = system_call([&] { return ::open(written_to_.c_str(), O_WRONLY | O_CLOEXEC | how, before.value_or(0666)); });
  while (file_ < 0 && errno == EINTR);
  if (file_ < 0) throw_io("create", written_to_, errno);
  if (before) ::fchmod(file_, *before);      // what the umask took off; where that fails, the file is as private as it was or more so
}

DurableFile::~DurableFile() {
  if (file_ < 0) return;
  ::close(file_);
  if (mode_ == Mode::replace) ::unlink(written_to_.c_str());
}

void DurableFile::write(std::span<const std::byte> bytes) {
  constexpr size_t most = 1u << 30;
  while (!bytes.empty()) {
    const std::span<const std::byte> now = bytes.first(std::min(bytes.size(), most));
    const ssize_t written = system_call([&] { return ::write(file_, now.data(), now.size()); },
                                        [&] { (void)!::write(file_, now.data(), now.size() / 2); });
    if (written > 0) bytes = bytes.subspan(size_t(written));
    else if (written == 0) throw_io("write", path_, ENOSPC);
    else if (errno != EINTR) throw_io("write", path_, errno);
  }
}

void DurableFile::commit() {
  succeed("fsync", path_, [&] { return ::fsync(file_) == 0 || errno == EINVAL ? 0 : -1; });   // EINVAL: a pipe, a device
  if (mode_ == Mode::append) return;
  const int closed = system_call([&] { return ::close(file_); });   // not again, even if it fails: the number may be another's by then
  const int error = errno;
  file_ = -1;
  try {
    if (closed != 0 && error != EINTR) throw_io("close", path_, error);
    rename_durably(written_to_, path_);
  } catch (...) {
    ::unlink(written_to_.c_str());
    throw;
  }
}

void write_file_atomically(const fs::path& path, std::span<const std::span<const std::byte>> pieces) {
  constexpr size_t together = 1 << 20;       // small pieces go in one call
  DurableFile file(path, DurableFile::Mode::replace);
  std::vector<std::byte> waiting;
  for (const std::span<const std::byte> piece : pieces) {
    if (waiting.size() + piece.size() > together) file.write(waiting), waiting.clear();
    if (piece.size() > together) file.write(piece);
    else waiting.insert(waiting.end(), piece.begin(), piece.end());
  }
  file.write(waiting);
  file.commit();
}

void write_file_atomically(const fs::path& path, const std::string& text) {
  const std::span<const std::byte> piece = bytes_of(text);
  write_file_atomically(path, std::span(&piece, 1));
}

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}
bool is_folder(const fs::path& path) {
  std::error_code none;
  return fs::is_directory(path, none);
}

namespace {
/// @param wanted  the folder that the caller asked for, for the message
void make_missing(const fs::path& path, const fs::path& wanted) {
  if (path.empty() || is_folder(path)) return;
  make_missing(path.parent_path(), wanted);
  succeed("make the folder", wanted, [&] { return ::mkdir(path.c_str(), 0777) == 0 || (errno == EEXIST && is_folder(path)) ? 0 : -1; });
  fsync_directory(folder_of(path));
}
}  // namespace

void make_directories(const fs::path& path) { make_missing(path, path); }

namespace {
void exchange(const fs::path& from, const fs::path& to) {
  int done;
  do done = system_call([&] { return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE); });
  while (done != 0 && errno == EINTR);
  if (done == 0) return;
  if (errno != EINVAL && errno != ENOSYS) throw_io("rename to", to, errno);
  const auto move = [&](const fs::path& a, const fs::path& b) { succeed("rename to", b, [&] { return ::rename(a.c_str(), b.c_str()); }); };
  const fs::path aside = hidden_beside(to);  // NFS and FUSE exchange nothing in one step
  move(to, aside);
  try {
    move(from, to);
  } catch (...) {
    ::rename(aside.c_str(), to.c_str());
    throw;
  }
  move(aside, from);
}
}  // namespace

void rename_durably(const fs::path& from, const fs::path& to) {
  bool taken = false;                        // by a folder that is not empty
  succeed("rename to", to, [&] {
    if (::rename(from.c_str(), to.c_str()) == 0) return 0;
    taken = errno == ENOTEMPTY || errno == EEXIST;
    return taken ? 0 : -1;
  });
  if (taken) exchange(from, to);
  fsync_directory(folder_of(to));
  if (folder_of(from) != folder_of(to)) fsync_directory(folder_of(from));
}

void remove_tree(const fs::path& path) {
  std::error_code none;
  const fs::file_status status = fs::symlink_status(path, none);
  if (!fs::exists(status)) return;
  if (fs::is_directory(status)) {
    std::error_code trouble;
    for (fs::directory_iterator entry(path, trouble), end; !trouble && entry != end; entry.increment(trouble)) remove_tree(entry->path());
    if (trouble) throw_io("read the folder", path, trouble.value());
  }
  succeed("remove", path, [&] { return (fs::is_directory(status) ? ::rmdir(path.c_str()) : ::unlink(path.c_str())) == 0 || errno == ENOENT ? 0 : -1; });
}

void remove_leftovers(const fs::path& folder, std::initializer_list<const char*> beginnings) {
  std::error_code trouble;
  std::vector<fs::path> leftovers;
  for (fs::directory_iterator entry(folder, trouble), end; !trouble && entry != end; entry.increment(trouble))
    for (const char* beginning : beginnings)
      if (entry->path().filename().string().rfind(beginning, 0) == 0) leftovers.push_back(entry->path());
  for (const fs::path& path : leftovers) remove_tree(path);
}

void truncate_file(const fs::path& path, uint64_t size) {
  succeed("cut", path, [&] { return ::truncate(path.c_str(), off_t(size)); });
}

void fsync_directory(const fs::path& directory) {
  const fs::path path = directory.empty() ? fs::path(".") : directory;
  int folder;
  do folder = system_call([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  while (folder < 0 && errno == EINTR);
  if (folder < 0) throw_io("open", path, errno);
  int done;
  do done = system_call([&] { return ::fsync(folder); });
  while (done != 0 && errno == EINTR);
  const int error = errno;
  ::close(folder);
  if (done != 0 && error != EINVAL) throw_io("fsync", path, error);   // EINVAL: a file system that has no such notion
}

}  // namespace weft
