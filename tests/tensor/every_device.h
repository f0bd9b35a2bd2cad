// Runs a claim on every float32 device of this build; one that cannot be used here is named and left out.
#pragma once
#include <doctest/doctest.h>

#include <string>

#include "weft/tensor/context.h"

namespace weft::testing {

template <class Claim>
void on_every_device(Claim claim) {
  for (const std::string device : {"reference", "cpu", "sim", "cuda"}) {
    Context context = Context::open("reference");
    try {
      context = Context::open(device);
    } catch (const DeviceError& e) {
      const std::string why = e.what();
      MESSAGE("skipped on " << device << ": " << why.substr(0, why.find('\n')));
      continue;
    }
    CAPTURE(device);
    claim(context);
  }
}

}  // namespace weft::testing
