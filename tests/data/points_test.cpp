// A person's own points.
#include "weft/gan/points.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "temporary_folder.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;

namespace {

struct File {
  testing::TemporaryFolder folder;
  std::string path = (folder.path / "points.csv").string();
  explicit File(const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
  std::string fault() const {
    try {
      open();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  std::shared_ptr<Dataset> open() const {
    DatasetOptions o;
    o.size = 1;
    return open_dataset(path, o);
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a CSV of points, with and without names above, spaces, signs and the line ends of any system") {
  for (const char* text : {"x,y\n1,2\n3,6\n", "1,2\r\n3,6", "\"x\",\"y\"\n +1.0 , 2e0\n\n3,\t6\n"}) {
    const auto data = File(text).open();
    REQUIRE(data->size() == 2);
    CHECK(data->units().zero == std::vector<double>{2, 4});
    CHECK(data->units().one == std::vector<double>{1, 2});                 // population deviation
    float xy[2];
    data->read(1, xy);
    CHECK(xy[0] == 1);
    CHECK(xy[1] == 1);
  }
  const auto part = split(File("1,2\n3,6\n5,1\n2,2\n").open(), {0.25, 0});
  CHECK(part.held_out->units().one == part.train->units().one);
}

TEST_CASE("what is no point is named by its line") {
  const std::string told = File("x,y\n1,2\n1;2\n3\n1,2,3\n4,nan\n5,six\n7,inf\n8,1e400\n").fault();
  for (const char* part : {"line 3: '1;2'", "line 4: '3'", "line 5: '1,2,3'", "line 6: '4,nan'", "line 7: '5,six'", "and 2 more"}) CHECK(has(told, part));
  CHECK(!has(told, "line 8"));
  CHECK(has(File("1,x\n1,2\n").fault(), "line 1"));                        // half a point is no header
  CHECK(has(File("x,y\n").fault(), "no point"));
  CHECK(has(File("1,2\n").fault(), "one point"));
  CHECK(has(File("1,2\n1,3\n1,9\n").fault(), "same x"));
  CHECK(has(File("a\x1b[31m,b\n1,2\nq\x1b[31m,2\n").fault(), "'q?[31m,2'"));
  CHECK(has(File("hello").fault(), "no point"));
}

TEST_CASE("points that were written read back to the last bit") {
  const std::vector<float> xy = {1.0f / 3, -2e-20f, 3e20f, 0};
  const File file(points_text(xy));
  const std::vector<double> back = read_points(file.path);
  REQUIRE(back.size() == 4);
  for (size_t i = 0; i < 4; ++i) CHECK(float(back[i]) == xy[i]);
}
