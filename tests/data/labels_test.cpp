// labels.csv: the format, its troubles with file and line, and what a folder makes of it.
#include "data/labels.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "files.h"
#include "weft/gan/loader.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

std::string complaint(const std::string& text) {
  try {
    parse_labels(text, "l.csv");
    return "";
  } catch (const FormatError& e) {
    return e.what();
  }
}
bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("labels: quotes, line ends, byte order marks, columns in any order") {
  const LabelTable t = parse_labels("\xef\xbb\xbfweight,who,label,file\r\n0.5,me,\"a, \"\"b\"\"\",./x/1.png\r\n\r\n2e1,,\"two\nlines\",\"2.png\"\r\n0,,ü,3 .png", "l.csv");
  REQUIRE(t.rows.size() == 3);
  CHECK(t.weighted);
  CHECK(t.ignored == std::vector<std::string>{"who"});
  CHECK((t.rows[0].file == "x/1.png" && t.rows[0].label == "a, \"b\"" && t.rows[0].weight == 0.5 && t.rows[0].line == 2));
  CHECK((t.rows[1].file == "2.png" && t.rows[1].label == "two\nlines" && t.rows[1].weight == 20 && t.rows[1].line == 4));
  CHECK((t.rows[2].file == "3 .png" && t.rows[2].label == "ü" && t.rows[2].weight == 0 && t.rows[2].line == 6));
  const LabelTable plain = parse_labels("file,label\na.png,1\n", "l.csv");
  CHECK((plain.rows.size() == 1 && !plain.weighted && plain.rows[0].weight == 1 && plain.ignored.empty()));
}

TEST_CASE("labels: every trouble has its file and line") {
  CHECK(has(complaint(""), "l.csv:1: is empty"));
  CHECK(has(complaint("file;label\na;b\n"), "l.csv:1: no column 'file' in the first line, which must be file,label or file,label,weight; separate the columns by commas"));
  CHECK(has(complaint("file,class\na,b\n"), "l.csv:1: no column 'label'"));
  CHECK(has(complaint("file,label,file\na,b,c\n"), "l.csv:1: two columns are called 'file'"));
  CHECK(has(complaint("file,label\n\n"), "has no rows"));
  CHECK(has(complaint("file,label\na,b\na b c\n"), "l.csv:3: has 1 field, and the first line 2"));
  CHECK(has(complaint("file,label\na,b,c\n"), "l.csv:2: has 3 fields"));
  CHECK(has(complaint("file,label\na,b\n\n./a,c\n"), "l.csv:4: 'a' has a label already, in line 2"));
  CHECK(has(complaint("file,label\n,b\n"), "l.csv:2: the file is empty"));
  CHECK(has(complaint("file,label\na,\n"), "l.csv:2: the label is empty"));
  CHECK(has(complaint("file,label\n/a,b\n"), "l.csv:2: '/a' is no path below the folder"));
  for (const std::string weight : {"-1", "nan", "inf", "1e999", "", "1 ", "one"}) CHECK(has(complaint("file,label,weight\na,b," + weight + "\n"), "l.csv:2: the weight '" + weight + "'"));
  CHECK(has(complaint("file,label\n\"a\nb,c"), "l.csv:2: a quoted field has no closing quote"));
  CHECK(has(complaint("file,label\n\"a\"b,c\n"), "l.csv:2: a quote or a carriage return stands where a field must end"));
  CHECK(has(complaint("file,label\na\"b\",c\n"), "l.csv:2: a quote"));
  CHECK(has(complaint("file,label\ra,b\r"), "l.csv:1: a quote or a carriage return"));
  CHECK(has(complaint(std::string("f\0i\0l\0e\0", 8)), "l.csv:1: has a zero byte"));
}

TEST_CASE("folders with labels.csv: its classes, only its pictures, and what does not fit is told") {
  const TemporaryFolder folder;
  for (int i = 0; i < 6; ++i) write(folder.path / (i < 3 ? "A" : "B") / (std::to_string(i) + ".png"), grey_png(4, 4, 10 * i));
  write(folder.path / "labels.csv", "file,label,colour,weight\nB/5.png,zebra,x,1\nA/0.png,ant,x,2\nB/9.png,lost,x,1\nA/1.png,zebra,x,0\n");
  std::vector<std::string> notes;
  const DatasetOptions options{.size = 4, .note = [&](const std::string& text) { notes.push_back(text); }};
  const auto data = open_dataset(folder.path, options);
  CHECK(data->classes() == std::vector<std::string>{"ant", "zebra"});
  CHECK(data->labels() == std::vector<int>{0, 1, 1});
  CHECK(data->weights() == std::vector<double>{2, 0, 1});
  std::vector<float> out(48);
  const int values[] = {0, 10, 50};
  for (int i = 0; i < 3; ++i) {
    CHECK(data->read(i, out.data()) == data->labels()[size_t(i)]);
    CHECK(out[0] == float(values[i]) / 127.5f - 1);
  }
  REQUIRE(notes.size() == 3);
  CHECK(has(notes[0], "ignored 3 of the folder's pictures, which have no row and are left out: A/2.png, B/3.png, B/4.png"));
  CHECK(has(notes[1], "ignored 1 of its rows, which name no picture of the folder: B/9.png"));
  CHECK(has(notes[2], "ignored 1 of its columns, which weft does not know: colour"));

  write(folder.path / "other.csv", "file,label\nA/2.png,only\n");
  DatasetOptions other{.size = 4};
  other.labels = folder.path / "other.csv";
  const auto one = open_dataset(folder.path, other);
  CHECK((one->size() == 1 && one->classes() == std::vector<std::string>{"only"} && one->weights().empty()));
  CHECK_THROWS_AS(open_dataset("swatches", other), ConfigError);
  other.labels = folder.path / "absent.csv";
  CHECK_THROWS_AS(open_dataset(folder.path, other), DataError);
  write(folder.path / "labels.csv", "file,label\nx.png,ant\n");
  CHECK_THROWS_AS(open_dataset(folder.path, {.size = 4}), FormatError);
}

TEST_CASE("folders: fit, crop and pad") {
  const TemporaryFolder folder;
  std::string rows;                              // 8 wide, 4 high: the left quarter 200, the rest 40
  for (int y = 0; y < 4; ++y) rows += std::string(1, '\0') + std::string(2, char(200)) + std::string(6, char(40));
  write(folder.path / "wide.png", png_file(8, 4, 8, 0, rows));
  const auto pixels = [&](Fit fit) {
    DatasetOptions options{.size = 8, .channels = 1, .fit = fit, .fill_value = 7};
    std::vector<float> out(64);
    open_dataset(folder.path, options)->read(0, out.data());
    std::vector<int> grey;
    for (const float v : out) grey.push_back(int((v + 1) * 127.5f + 0.5f));
    return grey;
  };
  CHECK(pixels(Fit::crop) == std::vector<int>(64, 40));                                 // columns 2 to 5
  const std::vector<int> squeezed = pixels(Fit::fit), padded = pixels(Fit::pad);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) {
      const int own = x < 2 ? 200 : 40;
      CHECK(squeezed[size_t(8 * y + x)] == own);
      CHECK(padded[size_t(8 * y + x)] == (y < 2 || y >= 6 ? 7 : own));
    }
  const Image thin = fit_into(Image{100, 1, 1, std::vector<uint8_t>(100, 50)}, 10, 10, Fit::pad, 9);
  CHECK(std::count(thin.pixels.begin(), thin.pixels.end(), 50) == 10);                  // never thinner than a pixel
  CHECK(thin.pixels[4] == 50);                                                          // and in the middle
}
