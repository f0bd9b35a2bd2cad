// What saving does to what is there already: links, modes, devices, folders, and paths that cannot be followed.
#include "weft/tensor/durable_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "temporary_folder.h"

using namespace weft;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a file takes the place of a plain file and of nothing else") {
  const testing::TemporaryFolder folder;
  const fs::path file = folder.path / "file", link = folder.path / "link", pipe = folder.path / "pipe";
  write_file_atomically(file, "old");
  fs::create_symlink("file", link);
  write_file_atomically(link, "new");
  CHECK(fs::is_symlink(link));
  CHECK(read(file) == "new");
  fs::create_symlink(folder.path / "later", folder.path / "dangling");
  write_file_atomically(folder.path / "dangling", "made");
  CHECK(read(folder.path / "later") == "made");
  for (const fs::perms mode : {fs::perms::owner_read | fs::perms::owner_write, fs::perms(0666)}) {   // beyond what a umask leaves
    fs::permissions(file, mode);
    write_file_atomically(file, "again");
    CHECK(fs::status(file).permissions() == mode);
  }
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(write_file_atomically(pipe, "x"), doctest::Contains("not a plain file"), IoError);
  CHECK(fs::is_fifo(pipe));
}

TEST_CASE("a path that cannot be followed is an IoError, and not there") {
  const testing::TemporaryFolder folder;
  fs::create_symlink("loop", folder.path / "loop");
  for (const fs::path& path : {folder.path / "loop" / "x", folder.path / std::string(300, 'n')}) {
    CHECK(!is_there(path));
    CHECK_THROWS_AS(make_directories(path), IoError);
    CHECK_THROWS_AS(write_file_atomically(path, "x"), IoError);
  }
}

TEST_CASE("folders change names, also where the file system does not exchange them") {
  const testing::TemporaryFolder folder;
  const fs::path from = folder.path / "from", to = folder.path / "to";
  for (const fs::path& path : {from, to}) {
    fs::create_directory(path);
    std::ofstream(path / "was") << path.filename().string();
  }
  rename_durably(from, to);                       // the first calls of a process that runs this case alone
  CHECK(read(to / "was") == "from");
  CHECK(read(from / "was") == "to");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 2);
  if (std::getenv("WEFT_FILE_FAULT")) return;
  const std::string again = "WEFT_FILE_FAULT=2:EINVAL '" + fs::read_symlink("/proc/self/exe").string() + "' -tc='folders change names*' >/dev/null";
  CHECK(std::system(again.c_str()) == 0);
}
