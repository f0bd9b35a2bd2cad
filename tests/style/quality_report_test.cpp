// The quality report: figures in the JSON are the measures', the page shows them, and a bad result does not look good.
#include "weft/gan/quality_report.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "../temporary_folder.h"
#include "pictures.h"
#include "weft/gan/colour.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("quality report: measured before and after, as JSON and as one page") {
  const Context cpu = Context::open("cpu");
  const Image content = swatch(3, 48), style = swatch(11, 40), result = resized(recoloured(content, style), 40, 40);
  const Quality before = measure_quality(cpu, content, content, {style}), after = measure_quality(cpu, result, content, {style});
  CHECK(before.structure == doctest::Approx(1));
  CHECK(before.shading == doctest::Approx(1));
  CHECK(after.colours < 0.5 * before.colours);
  CHECK(after.patches[0] < before.patches[0]);
  CHECK(measure_quality(cpu, style, content, {style}).copied > 0.5);             // the style itself is no result

  const TemporaryFolder folder;
  const std::filesystem::path page = folder.path / "report.html";
  write_quality_report(cpu, {"a <b> title", "weft transfer --content 'x'", content, result, {{"knit & purl", style}}}, page);
  const std::string html = text_of(page), json = text_of(folder.path / "report.json");
  CHECK(html.find("a &lt;b&gt; title") != std::string::npos);
  CHECK(html.find("knit &amp; purl") != std::string::npos);
  size_t pictures = 0;
  for (size_t at = html.find("<img"); at != std::string::npos; at = html.find("<img", at + 1)) ++pictures;
  CHECK(pictures == 3);
  CHECK(html.find("://") == std::string::npos);                                 // nothing beside it
  CHECK(json.find("\"colour_distance\"") != std::string::npos);
  CHECK(json == quality_json(measure_quality(cpu, resized(content, 40, 40), content, {style}), after));
  CHECK_THROWS_AS(write_quality_report(cpu, {"t", "", content, result, {{"s", style}}}, folder.path / "no" / "such" / "r.html"), IoError);
}
