// The report's page and what it is made of: provenance, charts, pictures, runs however damaged.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <regex>
#include <sstream>

#include "../temporary_folder.h"
#include "weft/gan/image.h"
#include "weft/gan/provenance.h"
#include "weft/gan/report.h"
#include "weft/gan/run_contents.h"
#include "weft/gan/run_report.h"
#include "weft/kernels/error.h"

using namespace weft;
namespace fs = std::filesystem;

namespace {

using Folder = weft::testing::TemporaryFolder;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Noise, so that PNG cannot make it small.
gan::Image noise(int side, unsigned seed) {
  gan::Image image{side, side, 3, std::vector<uint8_t>(size_t(side) * size_t(side) * 3)};
  for (uint8_t& v : image.pixels) v = uint8_t((seed = seed * 1664525u + 1013904223u) >> 24);
  return image;
}

// The values of a series as the page holds them.
std::vector<double> drawn(const std::string& html, const char* attribute) {
  const size_t at = html.find(attribute, html.find("class=\"line"));
  REQUIRE(at != std::string::npos);
  const size_t begin = html.find('"', at) + 1;
  std::istringstream text(html.substr(begin, html.find('"', begin) - begin));
  std::vector<double> all;
  for (std::string one; text >> one;) all.push_back(std::stod(one));
  return all;
}

std::string page_of(const gan::Chart& chart) {
  gan::Report page("t", "");
  page.chart(chart);
  return page.html();
}

}  // namespace

TEST_CASE("a quoted word is that word again in a shell") {
  if (std::system("bash -c true >/dev/null 2>&1") != 0) {
    MESSAGE("no bash here: skipped");
    return;
  }
  std::string every;
  for (int c = 1; c < 256; ++c) every += char(c);
  const Folder folder;
  for (const std::string& word : {std::string("plain/word-1.png"), std::string("it's"), std::string(""), std::string("a\nb\tc"), std::string("\xc3\xbc \\ \" $x `y` !z *"),
                                  std::string("\xff\xfe" "1"), std::string("\x1b[31mred"), std::string("\xc2\x9b" "31mred"), every}) {
    const std::string quoted = gan::quoted_for_shell(word);
    CHECK(gan::is_utf8(quoted));
    CHECK(quoted.find_first_of("\x1b\x9b") == std::string::npos);    // nothing that a terminal would obey
    write(folder.path / "script", "printf %s " + quoted + " > \"$1\"");
    REQUIRE(std::system(("bash '" + (folder.path / "script").string() + "' '" + (folder.path / "out").string() + "'").c_str()) == 0);
    CHECK(read(folder.path / "out") == word);
  }
  CHECK(gan::quoted_for_shell("plain/word-1.png") == "plain/word-1.png");
}

TEST_CASE("UTF-8 is told from other bytes") {
  for (const char* good : {"", "a", "\xc3\xbc", "\xe7\xb9\x94", "\xf0\x9f\xa7\xb5", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) CHECK(gan::is_utf8(good));
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe7\xb9"}) CHECK(!gan::is_utf8(bad));
}

TEST_CASE("provenance of a picture with inputs") {
  const Folder folder;
  write(folder.path / "dress.jpg", "abc");
  const gan::TextChunks input = gan::picture_input("content", folder.path / "dress.jpg");
  const gan::TextChunks all = gan::provenance("weft transfer", input);
  REQUIRE(all.size() == 4);
  CHECK(all[0].first == "Software");
  CHECK(all[1] == std::pair<std::string, std::string>{"weft.command", "weft transfer"});
  CHECK(all[2] == std::pair<std::string, std::string>{"weft.content", "dress.jpg"});
  CHECK(all[3] == std::pair<std::string, std::string>{"weft.content_sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"});   // FIPS 180-2, B.1
  CHECK_THROWS_AS(gan::picture_input("content", folder.path / "none.jpg"), DataError);
}

TEST_CASE("a page escapes all that it is told and needs nothing from outside") {
  const std::string evil = "</title><script>alert(1)</script>\"'&\x01\xff";
  gan::Report page(evil, evil);
  page.section(evil);
  page.paragraph(evil);
  page.figures({{evil, evil}});
  page.table({evil}, {{evil}}, evil);
  page.code(evil);
  page.chart({evil, evil, {{evil, {1, 2}, {1, 2}}}, false, {{1.5, evil}}});
  page.gallery({{"/nowhere/" + evil, evil}});
  const std::string html = page.html();
  CHECK(count(html, "<script") == 1);          // the page's own
  CHECK(!has(html, "alert(1)<"));
  CHECK(!has(html, "&'"));
  CHECK(gan::is_utf8(html));
  CHECK(has(html, "None of the pictures can be read"));
  for (const char* outside : {"http:", "https:", "//cdn", "url(", "@import", "<link", "<iframe"}) CHECK_MESSAGE(!has(html, outside), outside);
}

TEST_CASE("a chart is drawn by at most 600 points a series, and no spike is lost") {
  gan::Series s{"loss", {}, {}};
  for (int i = 0; i < 100000; ++i) s.x.push_back(i), s.y.push_back(std::sin(i * 0.01));
  s.y[54321] = 7.5, s.y[77777] = -6.25;
  const std::vector<double> y = drawn(page_of({"c", "", {s}}), "data-y"), x = drawn(page_of({"c", "", {s}}), "data-x");
  CHECK(y.size() <= 600);
  CHECK(y.size() == x.size());
  CHECK(std::count(y.begin(), y.end(), 7.5) == 1);
  CHECK(std::count(y.begin(), y.end(), -6.25) == 1);
  CHECK(x[size_t(std::find(y.begin(), y.end(), 7.5) - y.begin())] == 54321);
  CHECK(std::is_sorted(x.begin(), x.end()));

  const gan::Series few{"loss", {1, 2, 3}, {5, 6, 7}};
  CHECK(drawn(page_of({"c", "", {few}}), "data-y") == few.y);
}

TEST_CASE("charts live with what is not finite, constant, empty, negative or huge") {
  const double nan = std::nan(""), inf = INFINITY;
  const auto gaps = page_of({"c", "", {{"s", {1, 2, 3, 4, 5}, {1, nan, 3, inf, 5}}}});
  CHECK(has(gaps, "2 values are not finite: a gap."));
  const size_t path = gaps.find(" d=\"");
  CHECK(count(gaps.substr(path, gaps.find('"', path + 4) - path), "M") == 3);            // three pieces
  CHECK(has(page_of({"c", "", {{"s", {1, 2, 3}, {0, -1, 10}}}, true}), "2 values are not finite, or not above 0: a gap."));
  std::vector<double> x, y;
  for (int i = 0; i < 100; ++i) x.push_back(i), y.push_back(i == 50 ? 1e9 : i % 10);
  CHECK(has(page_of({"c", "", {{"s", x, y}}}), "1 value lies beyond the edge."));
  for (const gan::Series& s : {gan::Series{"s", {}, {}}, gan::Series{"s", {5}, {2}}, gan::Series{"s", {1, 2}, {3, 3}}, gan::Series{"s", {1, 2}, {0, 0}}, gan::Series{"s", {1, 2}, {nan, nan}},
                               gan::Series{"s", {1, 2}, {-1e308, 1e308}}, gan::Series{"s", {1, 2}, {1e-300, 1e300}}, gan::Series{"s", {0, 1e15}, {-5, -7}}})
    for (const bool logarithmic : {false, true}) {
      const std::string html = page_of({"c", "", {s}, logarithmic});
      const std::string body = html.substr(html.find("<main>"));
      const std::regex place("(top|left):(-?nan|-?inf)");
      CHECK(!std::regex_search(body, place));
      const std::regex coordinate("[ML][^\"]*(nan|inf)");
      CHECK(!std::regex_search(body.substr(body.find(" d=\""), body.find("data-x", body.find(" d=\"")) - body.find(" d=\"")), coordinate));
      CHECK(count(body, "class=\"yt\"") <= 50);
    }
}

TEST_CASE("pictures are thinned out until the page fits, evenly, first and last kept") {
  const Folder folder;
  std::vector<gan::PictureFile> files;
  for (int i = 0; i < 50; ++i) {
    files.push_back({folder.path / (std::to_string(i) + ".png"), "step " + std::to_string(i)});
    gan::write_png(files.back().file, noise(200, unsigned(i)));
  }
  gan::Report page("t", "");
  page.gallery(files);
  const std::string all = page.html(100'000'000), tight = page.html(2'000'000), least = page.html(1);
  CHECK(count(all, "<button") == 50);
  CHECK(tight.size() <= 2'000'000);
  CHECK(tight.size() > 1'000'000);
  CHECK(count(tight, "<button") > 5);
  CHECK(has(tight, "of 50 pictures, evenly over time"));
  for (const std::string& html : {all, tight}) {
    CHECK(has(html, "<span>step 0</span>"));
    CHECK(has(html, "<span>step 49</span>"));
  }
  CHECK(has(least, "<figcaption>step 49</figcaption>"));    // the newest is always there
  CHECK(count(least, "<button") == 0);

  gan::write_png(folder.path / "large.png", noise(2400, 1));
  gan::Report one("t", "");
  one.gallery({{folder.path / "large.png", "large"}, {folder.path / "large.png", "large"}});
  CHECK(one.html().size() < 5'000'000);
  CHECK(count(one.html(), "<img") == 3);

  write(folder.path / "3.png", "broken");
  write(folder.path / "49.png", "broken");
  const std::string mended = page.html(100'000'000);
  CHECK(has(mended, "<figcaption>step 48</figcaption>"));
  CHECK(has(mended, "2 pictures could not be read"));
}

TEST_CASE("what is measured now and then is a line over the steps that have it, and what is not finite is a gap; the landscape is led to") {
  const Folder folder;
  const fs::path run = folder.path / "run";
  write(run / "run.json", "{\"config\": {\"train.objective\": \"hinge\"}}");
  const std::string log = "{\"step\":1,\"d_real\":1.0,\"d_held_out\":0.5}\n{\"step\":2,\"d_real\":2.0}\n{\"step\":3,\"d_real\":1.0,\"d_held_out\":0.75}\n";
  write(run / "log.jsonl", log);
  gan::write_run_report(run, {});
  std::string html = read(run / "report.html");
  CHECK(has(html, "data-x=\"1 3\" data-y=\"0.5 0.75\""));
  CHECK(!has(html, "a gap"));
  CHECK(!has(html, "landscape.html"));

  write(run / "log.jsonl", log + "{\"step\":4,\"d_real\":null}\n");
  write(run / "landscape.html", "<p>");
  gan::write_run_report(run, {});
  html = read(run / "report.html");
  CHECK(has(html, "1 value is not finite: a gap."));
  CHECK(has(html, "<a href=\"landscape.html\">"));
}

TEST_CASE("a report says whether opinions are probabilities, their sigmoid, or the scores themselves") {
  const Folder folder;
  const fs::path run = folder.path / "run";
  write(run / "log.jsonl", "{\"step\":1,\"d_real\":-0.25}\n{\"step\":2,\"d_real\":0.75}\n");
  const auto page = [&](const std::string& model, const std::string& objective) {
    write(run / "run.json", "{\"config\": {\"model.name\": \"" + model + "\", \"train.objective\": \"" + objective + "\"}}");
    gan::write_run_report(run, {});
    return read(run / "report.html");
  };
  CHECK(has(page("dcgan", "non-saturating"), "1 is certainly real"));
  CHECK(has(page("dcgan", "lsgan"), "The sigmoid of its scores"));
  CHECK(has(page("restyle", "lsgan"), "learn to be 1 for real pictures"));
  CHECK(has(page("pix2pix", "non-saturating"), "above 0 it takes it for real"));
}

TEST_CASE("a run however damaged has a report") {
  const Folder folder;
  const fs::path run = folder.path / "r<b>un \xff";
  CHECK_THROWS_AS(gan::write_run_report(run, {}), DataError);
  write(run / "run.json", "{\"config\": {\"train.objective\": \"hinge\", \"train.batch\": \"64\", \"data.source\": \"<i>x</i>\"}, \"starts\": [{\"command\": 3}, 7]}");
  write(run / "log.jsonl", "{\"step\":1,\"seconds\":0.5,\"loss_d\":2.0,\"loss_g\":null}\n"
                           "not json\n[1,2]\n{\"step\":\"x\"}\n"
                           "{\"step\":2,\"seconds\":0.75,\"loss_d\":1.5,\"loss_g\":0.25}\n"
                           "{\"step\":4,\"seconds\":1.0,\"loss_d\":9.0,\"loss_g\":9.0}\n"
                           "{\"step\":3,\"seconds\":0.9,\"loss_d\":1.25,\"loss_g\":0.125}\n"
                           "{\"step\":4,\"seco");
  const gan::RunContents contents = gan::read_run(run);
  CHECK(contents.log.steps == std::vector<double>{1, 2, 3});
  CHECK(contents.log.values.at("loss_d") == std::vector<double>{2, 1.5, 1.25});
  CHECK(std::isnan(contents.log.values.at("loss_g")[0]));
  CHECK(contents.log.unreadable == 4);
  CHECK(contents.steps() == 3);
  gan::write_run_report(run, {{"train.batch", "64", "images a step"}, {"train.objective", "non-saturating", "the <game>"}});
  std::string html = read(run / "report.html");
  CHECK(gan::is_utf8(html));
  CHECK(has(html, "No sample sheet was written"));
  CHECK(has(html, "its loss is 2."));                       // the hinge's balance
  CHECK(has(html, "<td>hinge</td><td>non-saturating</td><td>the &lt;game&gt;</td>"));
  CHECK(!has(html, "<td>64</td><td>64</td>"));              // left alone, so not among the chosen
  CHECK(has(html, "4 lines of log.jsonl could not be read"));
  CHECK(!has(html, "<i>x</i>"));

  for (const char* text : {"", "[]", "{", "{\"config\": 3, \"starts\": {}}", "\xff\xfe"}) {
    write(run / "run.json", text);
    fs::remove(run / "log.jsonl");
    write(run / "samples/step-000010.png", "broken");
    write(run / "samples/step-.png", "");
    gan::write_run_report(run, {});
    html = read(run / "report.html");
    CHECK(has(html, "</html>"));
    CHECK(!has(html, "Curves"));
  }
}
