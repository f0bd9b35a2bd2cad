// Between tensors in memory and PyTorch's names, shapes and element order on disk.
#include <algorithm>
#include <cstring>

#include "weft/nn/module.h"
#include "weft/tensor/sha256.h"

namespace weft::nn {
namespace {

// Positions on disk of a parameter's elements in memory order.
std::vector<size_t> disk_positions(const Parameter& p) {
  const size_t n = size_t(p.value.count());
  std::vector<size_t> position(n);
  const DiskLayout& d = p.disk;
  int64_t stride[kMaxRank] = {};   // on disk, of each axis of the view
  int64_t step = 1;
  for (size_t i = d.axes.size(); i-- > 0;) {
    stride[d.axes[i]] = step;
    step *= d.view[d.axes[i]];
  }
  for (size_t i = 0; i < n; ++i) {
    int64_t rest = int64_t(i), at = 0;
    for (int axis = d.view.rank(); axis-- > 0;) {
      at += rest % d.view[axis] * stride[axis];
      rest /= d.view[axis];
    }
    position[i] = d.axes.empty() ? i : size_t(at);
  }
  return position;
}

Shape disk_shape(const Parameter& p) { return p.disk.axes.empty() ? p.value.shape() : p.disk.shape; }

std::vector<int64_t> sizes(const Shape& s) {
  std::vector<int64_t> v;
  for (int i = 0; i < s.rank(); ++i) v.push_back(s[i]);
  return v;
}

template <class T>
HostTensor on_disk(const Parameter& p, const std::vector<T>& values) {
  HostTensor t{sizeof(T) == 8 ? FileDType::f64 : FileDType::f32, sizes(disk_shape(p)), std::vector<std::byte>(values.size() * sizeof(T))};
  const std::vector<size_t> position = disk_positions(p);
  for (size_t i = 0; i < values.size(); ++i) std::memcpy(t.bytes.data() + position[i] * sizeof(T), &values[i], sizeof(T));
  return t;
}

bool ends_with(const std::string& s, const std::string& end) { return s.size() >= end.size() && s.compare(s.size() - end.size(), end.size(), end) == 0; }

}  // namespace

HostTensor to_disk(const Parameter& p, const Tensor& values) {
  return values.dtype() == DType::f64 ? on_disk(p, values.values()) : on_disk(p, values.floats());
}

void from_disk(const Parameter& p, const HostTensor& tensor, const Tensor& into) {
  const std::vector<double> disk = to_doubles(tensor);
  const std::vector<size_t> position = disk_positions(p);
  std::vector<double> memory(disk.size());
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = disk[position[i]];
  into.write(memory, "load_state_dict");
}

HostTensors state_dict(const Module& module) {
  HostTensors tensors;
  for (const auto& [name, p] : module.parameters()) tensors[name] = to_disk(*p, p->value);
  return tensors;
}

std::string mismatches(const Module& module, const HostTensors& tensors) {
  std::string wrong;
  const NamedParameters named = module.parameters();
  for (const auto& [name, p] : named) {
    auto it = tensors.find(name);
    if (it == tensors.end()) wrong += "\n  missing:    " + name + " " + disk_shape(*p).text();
    else if (it->second.shape != sizes(disk_shape(*p)))
      wrong += "\n  misshapen:  " + name + " is " + shape_text(it->second.shape) + ", the network wants " + disk_shape(*p).text();
  }
  for (const auto& [name, t] : tensors) {
    const std::string& n = name;
    const bool known = std::any_of(named.begin(), named.end(), [&](const auto& e) { return e.first == n; });
    if (!known && !ends_with(name, "num_batches_tracked") && !ends_with(name, ".filt")) wrong += "\n  unexpected: " + name;
  }
  return wrong;
}

void load_state_dict(const Module& module, const HostTensors& tensors, const std::string& what) {
  const std::string wrong = mismatches(module, tensors);
  if (!wrong.empty()) throw FormatError(what + " does not fit the network:" + wrong);
  load_matching(module, tensors);
}

int64_t load_matching(const Module& module, const HostTensors& tensors) {
  int64_t loaded = 0;
  for (const auto& [name, p] : module.parameters()) {
    const auto it = tensors.find(name);
    if (it == tensors.end() || it->second.shape != sizes(disk_shape(*p))) continue;
    from_disk(*p, it->second, p->value);
    ++loaded;
  }
  return loaded;
}

std::string parameters_sha256(const std::vector<std::pair<std::string, const Module*>>& modules) {
  HostTensors all;
  for (const auto& [prefix, module] : modules)
    for (auto& [name, tensor] : state_dict(*module)) all[prefix + "." + name] = std::move(tensor);
  Sha256 sum;
  for (const auto& [name, tensor] : all) sum.update(name.data(), name.size()).update(tensor.bytes.data(), tensor.bytes.size());
  return sum.hex();
}

}  // namespace weft::nn
