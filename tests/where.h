// Where the tests find their files and the program: in the source and the build, or where WEFT_TESTS and WEFT_PROGRAM say, for
// tests that were carried to another machine.
#pragma once
#include <cstdlib>
#include <string>

namespace weft::testing {

inline std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

/// "gan/torch_steps.safetensors", as it lies in tests/.
#ifdef WEFT_TESTS_FOLDER
inline std::string test_file(const std::string& name) { return from_environment("WEFT_TESTS", WEFT_TESTS_FOLDER) + "/" + name; }
#endif

}  // namespace weft::testing
