// A new empty folder that goes with the object.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <string>

namespace weft::testing {

struct TemporaryFolder {
  std::filesystem::path path;
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weft tést XXXXXX").string();    // a space, a letter beyond ASCII
    path = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};

}  // namespace weft::testing
