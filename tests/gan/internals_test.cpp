// docs/gan-internals.md shows each objective and penalty beside its code: it is the code that is there, and none is left out.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "../where.h"
#include "weft/gan/objective.h"
#include "weft/gan/penalty.h"

using namespace weft;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(testing::test_file("../" + file));
  std::stringstream all;
  all << in.rdbuf();
  REQUIRE(!all.str().empty());
  return all.str();
}

/// Every run of blanks and line breaks as one blank.
std::string in_one_line(const std::string& text) {
  std::istringstream words(text);
  std::string line;
  for (std::string word; words >> word;) line += word + " ";
  return line;
}

}  // namespace

TEST_CASE("the objectives and penalties that gan-internals explains are those of the code") {
  if (std::getenv("WEFT_TESTS")) {
    MESSAGE("skipped: these tests were carried elsewhere, without the documentation");
    return;
  }
  const std::string page = text_of("docs/gan-internals.md"), code = in_one_line(text_of("gan/objective.cpp") + text_of("gan/penalty.cpp"));
  const size_t begin = page.find("## Objectives"), end = page.find("`--penalty r1:0.5");
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  std::istringstream lines(page.substr(begin, end - begin));
  int shown = 0;
  std::string block;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("    ", 0) == 0) {
      block += line + "\n";
    } else if (!block.empty()) {
      CAPTURE(block);
      CHECK(code.find(in_one_line(block)) != std::string::npos);
      block.clear(), ++shown;
    }
  }
  CHECK(shown >= 12);
  for (const gan::Objective& o : gan::objectives()) CHECK_MESSAGE(page.find(std::string("    {\"") + o.name + "\", \"" + o.paper) != std::string::npos, o.name);
  for (const gan::Penalty& p : gan::penalties()) CHECK_MESSAGE(page.find(std::string("    {\"") + p.name + "\", \"" + p.what) != std::string::npos, p.name);
}
