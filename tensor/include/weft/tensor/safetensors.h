// safetensors files: 8 bytes little-endian N, N bytes of JSON that name every tensor, then the tensors' bytes without a gap.
// Host-only: it reads and writes bytes and knows nothing of `Tensor`. Files are hostile until proven otherwise; every size in
// a header is checked against the file's own before anything is allocated from it.
//   Format: huggingface/safetensors, README and safetensors/src/tensor.rs
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "weft/kernels/geometry.h"

namespace weft {

/// Every element type the format knows. Those up to `boolean` can be loaded; the rest can be listed.
enum class FileDType : uint8_t {
  f32, f64, f16, bf16, i64, i32, u8, i8, boolean,
  i16, u16, u32, u64, c64, f8_e5m2, f8_e4m3, f8_e8m0, f8_e4m3fnuz, f8_e5m2fnuz, f6_e2m3, f6_e3m2, f4
};
const char* name_of(FileDType);                                    // as the file spells it: "F32", "BOOL", ...
unsigned bits_of(FileDType);                                       // per element
constexpr bool can_load(FileDType t) { return t <= FileDType::boolean; }
FileDType file_dtype(DType);
std::string shape_text(const std::vector<int64_t>& shape);         // "(4, 3)"; a file's may have more axes than a Shape

struct HostTensor {
  FileDType dtype = FileDType::f32;
  std::vector<int64_t> shape;                                      // row-major; empty: a scalar
  std::vector<std::byte> bytes;
};
using HostTensors = std::map<std::string, HostTensor>;             // by name, bytewise
using Metadata = std::map<std::string, std::string>;

struct Safetensors {
  HostTensors tensors;
  Metadata metadata;                                               // the file's "__metadata__"
};

struct TensorEntry {
  std::string name;
  FileDType dtype = FileDType::f32;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;                                     // bytes, from the start of the data
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;                                // in the order of their bytes
  Metadata metadata;
  uint64_t data_start = 0;                                         // bytes, from the start of the file
};

/// Stricter than the format's own by default. `header_bytes` can be raised up to the format's 100,000,000.
struct SafetensorsLimits {
  uint64_t header_bytes = 16u << 20;
  size_t tensors = 100'000;
  size_t rank = 8;
  size_t name_bytes = 1024;
};

/// The header alone, of any known dtype: what `weft inspect` shows. `head` is the file's first bytes (at least the header, or
/// the whole file), `file_size` its length, `what` the name used in messages.
/// Throws: FormatError with the tensor's name, what was expected and what came; IoError where the disk fails.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> head, uint64_t file_size, const SafetensorsLimits& = {},
                                           const std::string& what = "safetensors");
SafetensorsHeader read_safetensors_header(const std::filesystem::path&, const SafetensorsLimits& = {});

/// Every tensor of a file. Throws as above, and FormatError for a dtype that can be listed but not loaded; DataError if there
/// is no such file.
Safetensors parse_safetensors(std::span<const std::byte> file, const SafetensorsLimits& = {},
                              const std::string& what = "safetensors");
Safetensors read_safetensors(const std::filesystem::path&, const SafetensorsLimits& = {});
/// Of a large file only the tensors that are `wanted`: the others' bytes are never read, and may be of any dtype.
Safetensors read_safetensors(const std::filesystem::path&, const std::function<bool(const TensorEntry&)>& wanted, const SafetensorsLimits& = {});

/// The file's bytes up to the data: '{' first, trailing spaces until the data starts at a multiple of 64; tensors by
/// descending element size, then by name, so each starts at a multiple of its own element. Equal input, equal bytes.
/// Throws: FormatError for a name or a shape that the reader would refuse.
std::string safetensors_header_for(const HostTensors&, const Metadata& = {});

/// Durable and all or nothing: a sibling file, fsync, rename, fsync of the directory. Throws: FormatError, IoError.
void write_safetensors(const std::filesystem::path&, const HostTensors&, const Metadata& = {});

/// Values of any loadable dtype. Narrowing (float64, int64 -> float32) rounds to nearest even.
std::vector<float> to_floats(const HostTensor&);
std::vector<double> to_doubles(const HostTensor&);
/// F16, rounded to nearest even; what is beyond 65504 becomes infinite.
HostTensor to_half(const HostTensor&);

}  // namespace weft
