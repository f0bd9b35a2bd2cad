// Files that survive. Everything weft saves goes through the calls below, so a test can make the n-th of them fail, and a file
// is there whole or not at all, also after a power cut: hidden sibling, fsync, rename, fsync of the directory.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "weft/kernels/error.h"

namespace weft {

std::span<const std::byte> bytes_of(const std::string& text);

/// Throws IoError: "cannot write PATH: No space left on device (8192 bytes are free)".
[[noreturn]] void throw_io(const char* doing, const std::filesystem::path& path, int error);

/// Of a file that was to be read: DataError, but IoError where the process, or the machine, can open no more files.
[[noreturn]] void throw_unreadable(const std::filesystem::path& path, int error);

/// A file being written. All members throw IoError with the path.
class DurableFile {
 public:
  enum class Mode {
    replace,    // under a hidden name beside `path` until commit(); what stood there stays as it is until then. Of a symbolic link,
                // its target; the mode stays; a device, a pipe or a folder is an IoError
    append      // to the end of what there is; commit() is one fsync
  };
  DurableFile(const std::filesystem::path& path, Mode mode);
  ~DurableFile();                            // without commit(): a replacement vanishes, what was appended is left to the system
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(const std::string& text) { write(bytes_of(text)); }
  void commit();

 private:
  std::filesystem::path path_, written_to_;  // the same path when appending
  Mode mode_;
  int file_ = -1;
};

/// DurableFile, start to end.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::span<const std::byte>> pieces);
void write_file_atomically(const std::filesystem::path& path, const std::string& text);

/// As std::filesystem's, but false where that throws: a name that is too long, a loop of links, a folder that may not be read.
bool is_there(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

/// Folders, with the same care. A folder that is there already is left alone.
void make_directories(const std::filesystem::path& path);
/// Both on one file system; durable once it returns. A file at `to` is replaced; a folder at `to` is exchanged with `from` and
/// stands under the other name afterwards: in one step, or, where the file system knows none (NFS, FUSE), in three.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);
/// The folder and all in it. One that is not there is no error.
void remove_tree(const std::filesystem::path& path);
/// What in a folder begins with one of these: saves that were cut off. DurableFile's begin with ".weft-".
void remove_leftovers(const std::filesystem::path& folder, std::initializer_list<const char*> beginnings);
/// Cuts a file to its first `size` bytes.
void truncate_file(const std::filesystem::path& path, uint64_t size);
void fsync_directory(const std::filesystem::path& directory);

// For tests, the environment variable WEFT_FILE_FAULT names one call of this process to go wrong, counted from 1 over every
// open, write, fsync, close, rename, mkdir, unlink and truncate made here:
//   17:kill    SIGKILL instead of the call (a write first does half of its work)
//   17:stop    SIGTERM before the call, which then goes its way
//   17:ENOSPC  the call fails with this error; also EIO, EDQUOT, EINTR, EINVAL. 17+:EIO: and so does every later one
//   count      nothing goes wrong; the number of calls is told on stderr at the end

}  // namespace weft
