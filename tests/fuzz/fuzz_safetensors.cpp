// Any bytes: they are taken or refused with FormatError, and what is taken comes back equal through our writer.
#include <cstdlib>

#include "weft/kernels/error.h"
#include "weft/tensor/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weft;
  const auto take = [](std::span<const std::byte> file) {
    try {
      return parse_safetensors(file);
    } catch (const FormatError&) {
      return Safetensors{};
    }
  };
  const Safetensors first = take(std::as_bytes(std::span(data, size)));
  if (first.tensors.empty()) return 0;
  for (const auto& [name, t] : first.tensors)
    if (to_floats(t).size() != to_doubles(t).size()) std::abort();

  std::string file = safetensors_header_for(first.tensors, first.metadata);
  std::map<std::pair<unsigned, std::string>, const HostTensor*> order;        // the writer's: wide elements first, then by name
  for (const auto& [name, t] : first.tensors) order[{64 - bits_of(t.dtype), name}] = &t;
  for (const auto& [key, t] : order) file.append(reinterpret_cast<const char*>(t->bytes.data()), t->bytes.size());
  const Safetensors again = parse_safetensors(std::as_bytes(std::span(file.data(), file.size())));
  if (again.metadata != first.metadata || again.tensors.size() != first.tensors.size()) std::abort();
  for (const auto& [name, t] : first.tensors)
    if (again.tensors.at(name).bytes != t.bytes || again.tensors.at(name).shape != t.shape) std::abort();
  return 0;
}
