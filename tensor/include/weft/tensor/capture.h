// A step of work, recorded once: on cuda a CUDA graph, on sim the list of launches, elsewhere a plain call.
#pragma once
#include <functional>

#include "weft/tensor/context.h"

namespace weft {

/// What Context::capture() made. A handle: copies share. Empty by default.
///
/// While it lives, the memory in which the step's own tensors lie is set aside for it, so tensors that the step leaves behind
/// are there after each replay, with that replay's values. Everything else that the step reads or writes (parameters, inputs)
/// must outlive it.
///
/// A step that needs the host (reads a value back, brings one in) is an Error: of Context::capture() where the device records,
/// of replay() elsewhere, as on cpu.
class Captured {
 public:
  /// Queues the step once more. Reads what its inputs hold by then, and the step state as it was published last.
  void replay() const;
  explicit operator bool() const { return impl_ != nullptr; }

 private:
  friend class Context;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace weft
