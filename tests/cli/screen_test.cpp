// What a run looks like on a terminal, and in a file.
#include <doctest/doctest.h>

#include "process.h"

using namespace cli;

namespace {

Result shown(const Surroundings& around) {
  const Folder folder;
  write_pictures(folder / "data", 4);
  return run_weft(small_run(folder / "data", folder / "run", {"--set", "run.log_every=1"}), around);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("in a file, progress is plain lines") {
  const Result r = shown({{{"TERM", "xterm"}}});
  CHECK(r.code == 0);
  for (const char c : r.out + r.err) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  CHECK(has(r.err, "dcgan  2/2  "));
  CHECK(has(r.err, "images/s"));
  CHECK(has(r.err, "loss D"));
}

TEST_CASE("on a terminal, progress is a bar that redraws itself" * doctest::skip(!has_terminals())) {
  Surroundings around{{{"TERM", "xterm"}}};
  around.terminal = true;
  const Result r = shown(around);
  CAPTURE(r.out);
  CHECK(r.code == 0);
  CHECK(has(r.out, "\rdcgan  ["));
  CHECK(has(r.out, "\x1b[36m"));
  CHECK(has(r.out, "2/2"));
  CHECK(has(r.out, "ETA 0:00"));
}

TEST_CASE("NO_COLOR takes the colour and leaves the bar; a dumb terminal gets plain lines" * doctest::skip(!has_terminals())) {
  Surroundings around{{{"TERM", "xterm"}, {"NO_COLOR", "1"}}};
  around.terminal = true;
  const Result plain = shown(around);
  CHECK(has(plain.out, "\rdcgan  [===="));
  CHECK(!has(plain.out, "\x1b[36m"));
  around.environment = {{"TERM", "dumb"}};
  const Result dumb = shown(around);
  CHECK(!has(dumb.out, "\x1b"));
  CHECK(has(dumb.out, "dcgan  2/2"));
}
