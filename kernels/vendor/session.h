// What a queue opened with Kernels::vendor holds: the plug-in, its session, and the plans found so far.
#pragma once
#include <array>
#include <map>
#include <type_traits>

#include "weft/kernels/vendor.h"

namespace weft::vendor {

static_assert(std::has_unique_object_representations_v<ConvProblem>, "its bytes are a key");
using PlanKey = std::array<int, 1 + sizeof(ConvProblem) / sizeof(int)>;   // the operation and its sizes

struct OpenSession {
  const Plugin* plugin = nullptr;
  Session* session = nullptr;
  void* (*workspace)(Queue&, size_t bytes) = nullptr;
  std::map<PlanKey, ConvPlan> plans;

  OpenSession(const Plugin* plugin, const Lender* lender);   // throws DeviceError
  ~OpenSession();
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;
};

/// Throws DeviceError that says why there is none.
const Plugin& load();

/// Throws DeviceError if the queue was opened without.
OpenSession& session_of(Queue& queue);

}  // namespace weft::vendor
