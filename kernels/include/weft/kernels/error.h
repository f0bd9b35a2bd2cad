// Every error that weft throws, by whose trouble it is. The text names the operation, what was expected, what came, and a
// way out. `exit_code` is what the `weft` program ends with when one of these reaches main.
#pragma once
#include <stdexcept>
#include <string>

namespace weft {

struct Error : std::runtime_error {
  int exit_code;
  explicit Error(const std::string& text, int code = 1) : std::runtime_error(text), exit_code(code) {}
};

#define WEFT_ERROR(name, code) \
  struct name : Error {        \
    explicit name(const std::string& text) : Error(text, code) {} \
  }
WEFT_ERROR(ConfigError, 2);   // a setting that makes no sense, or that nobody knows
WEFT_ERROR(ShapeError, 2);    // tensors that do not fit together
WEFT_ERROR(DeviceError, 2);   // no such device, or tensors of two contexts in one operation
WEFT_ERROR(DataError, 66);    // input that is missing, empty or unusable
WEFT_ERROR(FormatError, 66);  // a file that is not what its name says
WEFT_ERROR(IoError, 74);      // the disk's trouble
WEFT_ERROR(OutOfMemory, 1);   // the machine's troubles
WEFT_ERROR(CudaError, 1);
#undef WEFT_ERROR

}  // namespace weft
