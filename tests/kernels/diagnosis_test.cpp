// What a person is told of a machine that does not do what it should.
#include <doctest/doctest.h>

#include "diagnosis.h"

using namespace weft;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("an error names the launches since the last check, the newest of many") {
  Launched launched;
  CHECK(diagnosis::failure("waiting", "trouble", launched, false) == "waiting: trouble");
  launched.add("a_kernel");
  CHECK(diagnosis::failure("waiting", "trouble", launched, true) == "waiting: trouble; launched last: a_kernel");
  for (int i = 0; i < 3; ++i) launched.add("b_kernel");
  launched.add("c_kernel");
  CHECK(has(diagnosis::failure("waiting", "trouble", launched, false),
            "one of the 5 launches since the last check: a_kernel, b_kernel 3 times, c_kernel. With --sync"));
  for (uint64_t i = 0; i < Launched::kNames - 2; ++i) launched.add("d_kernel");
  CHECK(has(diagnosis::failure("waiting", "trouble", launched, false), "check: ..., b_kernel, c_kernel, d_kernel 14 times."));
}
