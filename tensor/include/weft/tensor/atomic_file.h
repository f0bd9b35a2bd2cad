// A file is either there whole or not at all, also after a power cut: sibling file, fsync, rename, fsync of the directory.
#pragma once
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "weft/kernels/error.h"

namespace weft {

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

[[noreturn]] inline void throw_io(const char* doing, const std::filesystem::path& path, int error) {
  std::string text = std::string("cannot ") + doing + " " + path.string() + ": " + std::strerror(error);
  struct statvfs disk;
  if (error == ENOSPC && statvfs(path.parent_path().empty() ? "." : path.parent_path().c_str(), &disk) == 0)
    text += " (" + std::to_string(uint64_t(disk.f_bavail) * disk.f_frsize) + " bytes are free)";
  throw IoError(text);
}

inline void fsync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? std::filesystem::path(".") : directory;
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw_io("open", path, errno);
  const int error = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;   // EINVAL: a file system that has no such notion
  ::close(fd);
  if (error) throw_io("fsync", path, error);
}

/// Writes the pieces one after the other. Throws IoError with the path; then `path` is as it was before.
inline void write_file_atomically(const std::filesystem::path& path, std::span<const std::span<const std::byte>> pieces) {
  const std::filesystem::path directory = path.parent_path();
  const std::filesystem::path part = directory / (".weft-" + std::to_string(::getpid()) + "." + path.filename().string());
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) throw_io("create", part, errno);

  const char* doing = "write";
  int error = 0;
  for (std::span<const std::byte> rest : pieces) {
    while (!rest.empty() && !error) {
      const ssize_t written = ::write(fd, rest.data(), rest.size() < (1u << 30) ? rest.size() : (1u << 30));
      if (written > 0) rest = rest.subspan(size_t(written));
      else if (written == 0) error = ENOSPC;
      else if (errno != EINTR) error = errno;
    }
  }
  if (!error && ::fsync(fd) != 0) doing = "fsync", error = errno;
  if (::close(fd) != 0 && !error) doing = "close", error = errno;
  if (!error && ::rename(part.c_str(), path.c_str()) != 0) doing = "rename to", error = errno;
  if (error) {
    ::unlink(part.c_str());
    throw_io(doing, path, error);
  }
  fsync_directory(directory);
}

inline void write_file_atomically(const std::filesystem::path& path, const std::string& text) {
  const std::span<const std::byte> piece = bytes_of(text);
  write_file_atomically(path, std::span(&piece, 1));
}

}  // namespace weft
