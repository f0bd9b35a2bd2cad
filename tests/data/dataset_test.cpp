// Data sets: IDX files and folders, and everything that can be wrong with them.
#include "weft/gan/dataset.h"

#include <doctest/doctest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <cmath>
#include <ctime>

#include "files.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;
namespace fs = std::filesystem;

namespace {

std::string idx_images(uint32_t n, uint32_t h, uint32_t w, size_t bytes) {
  std::string file = std::string("\0\0\x08\x03", 4) + big_endian(n) + big_endian(h) + big_endian(w);
  for (size_t i = 0; i < bytes; ++i) file += char(i);
  return file;
}
std::string idx_labels(const std::string& labels) { return std::string("\0\0\x08\x01", 4) + big_endian(uint32_t(labels.size())) + labels; }

template <class Expected>
std::string complaint(const std::string& source, const DatasetOptions& options) {
  try {
    open_dataset(source, options);
    return "";
  } catch (const Expected& e) {
    return e.what();
  }
}
bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

/// The grey of an image's first pixel, 0 to 255.
int grey_of(Dataset& data, int64_t i, int* label = nullptr) {
  std::vector<float> out(size_t(data.height() * data.width() * data.channels()));
  const int c = data.read(i, out.data());
  if (label) *label = c;
  return int(std::lround((out[0] + 1) * 127.5f));
}

}  // namespace

TEST_CASE("IDX: plain and gzip, padded and never resampled") {
  const TemporaryFolder folder;
  const std::string file = idx_images(3, 28, 28, 3 * 28 * 28);
  write(folder.path / "a-images-idx3-ubyte", file);
  write_gzip(folder.path / "z-images-idx3-ubyte.gz", file);
  write_gzip(folder.path / "z-labels-idx1-ubyte.gz", idx_labels(std::string("\2\0\1", 3)));

  DatasetOptions options;
  for (const char* name : {"a-images-idx3-ubyte", "z-images-idx3-ubyte.gz"}) {
    options.size = 28;
    const auto native = open_dataset(folder.path / name, options);
    CHECK((native->size() == 3 && native->channels() == 1));
    std::vector<float> pixels(28 * 28);
    const int label = native->read(1, pixels.data());
    CHECK(label == 0);
    for (size_t i = 0; i < pixels.size(); ++i) CHECK(pixels[i] == float(uint8_t(784 + i)) / 127.5f - 1);

    options.size = 32, options.channels = 3;
    const auto padded = open_dataset(folder.path / name, options);
    std::vector<float> large(32 * 32 * 3);
    padded->read(1, large.data());
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x) {
        const bool inside = y >= 2 && y < 30 && x >= 2 && x < 30;
        const float expected = inside ? pixels[size_t((y - 2) * 28 + x - 2)] : -1.0f;
        if (large[size_t(y * 32 + x) * 3] != expected || large[size_t(y * 32 + x) * 3 + 2] != expected) FAIL(y << " " << x);
      }
    options.channels = 0;
  }
  const auto labelled = open_dataset(folder.path / "z-images-idx3-ubyte.gz", options);
  CHECK(labelled->classes() == std::vector<std::string>{"0", "1", "2"});
  std::vector<float> out(32 * 32);
  CHECK(labelled->read(0, out.data()) == 2);
  options.size = 64;
  CHECK(has(complaint<ConfigError>(folder.path / "a-images-idx3-ubyte", options), "size can be 28 or 32"));
}

TEST_CASE("IDX: hostile files") {
  const TemporaryFolder folder;
  const fs::path path = folder.path / "images-idx3-ubyte";
  const auto said = [&](const std::string& file, bool gzip = false) {
    fs::remove(path);
    gzip ? write_gzip(path, file) : write(path, file);
    return complaint<Error>(path, {.size = 4});
  };
  CHECK(said(idx_images(2, 4, 4, 32)) == "");
  for (const bool gzip : {false, true}) {
    CHECK(has(said(idx_images(2, 4, 4, 31), gzip), "claims 2x4x4 values but ends after 31"));
    CHECK(has(said(idx_images(2, 4, 4, 33), gzip), "goes on after"));
    CHECK(has(said(idx_images(0, 4, 4, 0), gzip), "no size for a data set"));
    CHECK(has(said(idx_images(0xffffffff, 0xffffffff, 0xffffffff, 8), gzip), "no size for a data set"));
    CHECK(has(said(idx_images(0x2000000, 16, 16, 8), gzip), "ends after 8"));           // 8 GiB claimed, none allocated
    CHECK(has(said(idx_images(0x2000001, 16, 16, 8), gzip), "no size for a data set (up to 8 GiB are read)"));
    CHECK(has(said(idx_labels("123"), gzip), "not an IDX file of images"));
    CHECK(has(said("", gzip), "not an IDX file"));
  }
  fs::remove(path);
  write_gzip(path, idx_images(2, 4, 4, 32));
  fs::resize_file(path, fs::file_size(path) - 9);                                       // cut inside the gzip data
  CHECK(complaint<FormatError>(path, {.size = 4}) != "");
  write(path, idx_images(2, 4, 4, 32));
  write(folder.path / "labels-idx1-ubyte", idx_labels("1"));
  CHECK(has(complaint<FormatError>(path, {.size = 4}), "1 labels for 2 pictures"));
}

TEST_CASE("fashion-mnist: found, named, or told how to get") {
  const TemporaryFolder empty;
  CHECK(has(complaint<DataError>("fashion-mnist", {.root = empty.path}), "apt-get install dataset-fashion-mnist"));
  CHECK(has(complaint<DataError>("fashion-minst", {}), "did you mean 'fashion-mnist'"));
  if (!fs::exists(kNamedData[0].folder)) return;
  const auto data = open_dataset("fashion-mnist", {.size = 32});
  CHECK((data->size() == 60000 && data->channels() == 1 && data->width() == 32 && data->classes().size() == 10));
  int label = -1;
  grey_of(*data, 0, &label);
  CHECK(data->classes()[size_t(label)] == "Ankle boot");                                // the set's famous first picture
}

TEST_CASE("folders: classes from the first level, bytewise order, hidden files skipped, any name") {
  const TemporaryFolder folder;
  write(folder.path / "Zebra" / "deep" / "er" / "1.PNG", grey_png(4, 4, 10));
  write(folder.path / "a b" / "ü 2.png", grey_png(9, 5, 20));
  write(folder.path / "a b" / ".hidden.png", "junk");
  write(folder.path / ".git" / "x.png", "junk");
  write(folder.path / "a b" / "notes.txt", "junk");
  write(folder.path / "été" / "3.jpeg", grey_png(4, 4, 30));                            // the bytes decide, not the name
  const auto data = open_dataset(folder.path, {.size = 4});
  CHECK(data->classes() == std::vector<std::string>{"Zebra", "a b", "été"});
  REQUIRE(data->size() == 3);
  CHECK(data->channels() == 3);
  for (int i = 0; i < 3; ++i) {
    int label = -1;
    CHECK(grey_of(*data, i, &label) == 10 * (i + 1));
    CHECK(label == i);
  }
  write(folder.path / "loose.png", grey_png(4, 4, 40));
  CHECK(open_dataset(folder.path, {.size = 4})->classes() == std::vector<std::string>{".", "Zebra", "a b", "été"});
  CHECK(open_dataset(folder.path / "a b", {.size = 4, .channels = 1})->classes().empty());
  CHECK(open_dataset(folder.path / "a b", {.size = 4})->size() == 1);
}

TEST_CASE("folders: missing, empty, unreadable") {
  const TemporaryFolder folder;
  CHECK(has(complaint<DataError>(folder.path / "absent", {}), "there is no folder or file"));
  CHECK(has(complaint<DataError>(folder.path, {}), "no pictures in it (it is empty)"));
  write(folder.path / "a.txt", "x");
  CHECK(has(complaint<DataError>(folder.path, {}), "1 other files"));
  CHECK(has(complaint<DataError>(folder.path / "a.txt", {}), "not an IDX file"));
  CHECK_THROWS_AS(open_dataset("", {}), ConfigError);
  CHECK_THROWS_AS(open_dataset(folder.path, {.channels = 2}), ConfigError);
  CHECK_THROWS_AS(open_dataset(folder.path, {.size = 0}), ConfigError);
  fs::permissions(folder.path, fs::perms::none);
  if (geteuid() == 0) setfsuid(65534);                                                  // root reads everything: this thread is nobody for a while
  const std::string text = complaint<DataError>(folder.path, {});
  if (geteuid() == 0) setfsuid(0);
  fs::permissions(folder.path, fs::perms::owner_all);
  CHECK(has(text, "cannot read the folder"));
}

TEST_CASE("folders: a broken picture is named once, counted, and replaced by the next good one in any order of reading") {
  const TemporaryFolder folder;
  for (int i = 0; i < 10; ++i) write(folder.path / (i < 5 ? "A" : "B") / (std::to_string(i) + ".png"), grey_png(4, 4, 10 * i));
  write(folder.path / "A" / "4.png", "");                                               // zero bytes
  write(folder.path / "B" / "5.png", "this is text");
  write(folder.path / "B" / "9.png", png_file(30000, 30000, 8, 2, "few"));
  const std::vector<int64_t> forward{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, backward{9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  for (const auto& order : {forward, backward}) {
    std::vector<std::string> notes;
    const auto data = open_dataset(folder.path, {.size = 4, .note = [&](const std::string& text) { notes.push_back(text); }});
    for (int round = 0; round < 2; ++round)
      for (const int64_t i : order) {
        int label = -1;
        const int expected = i == 4 || i == 5 ? 60 : i == 9 ? 0 : int(10 * i);
        CHECK(grey_of(*data, i, &label) == expected);
        CHECK(label == (expected >= 50));
      }
    CHECK(notes.size() == 3);
    CHECK(data->broken() == 3);
    for (const std::string& note : notes) CHECK(has(note, folder.path.string()));
  }
  write(folder.path / "A" / "0.png", "junk");
  const auto data = open_dataset(folder.path, {.size = 4});
  CHECK_THROWS_AS([&] { for (int i = 0; i < 10; ++i) grey_of(*data, i); }(), DataError);
  const auto patient = open_dataset(folder.path, {.size = 4, .broken_share = 0.4});     // 4 of 10
  CHECK_NOTHROW([&] { for (int i = 0; i < 10; ++i) grey_of(*patient, i); }());
}

TEST_CASE("folders: one in a thousand is borne, none readable is not, and the cache changes nothing") {
  const TemporaryFolder folder;
  for (int i = 0; i < 1000; ++i) write(folder.path / (std::to_string(1000 + i) + ".png"), i == 500 ? "" : grey_png(2, 2, i % 256));
  const auto cached = open_dataset(folder.path, {.size = 2}), uncached = open_dataset(folder.path, {.size = 2, .cache_bytes = 100});
  for (int i = 0; i < 1000; ++i)
    if (grey_of(*cached, i) != grey_of(*uncached, i)) FAIL(i);
  CHECK(cached->broken() == 1);

  const TemporaryFolder junk;
  write(junk.path / "only.png", "junk");
  const auto one = open_dataset(junk.path, {.size = 2});
  CHECK_THROWS_AS(grey_of(*one, 0), DataError);
}

namespace {

/// Processor seconds to open a flat folder of that many pictures; the clock's depend on the disk and on who else is here.
double seconds_to_list(int files) {
  const TemporaryFolder folder;
  for (int i = 0; i < files; ++i) std::ofstream(folder.path / ("picture-" + std::to_string(i) + ".jpg"));
  const std::clock_t start = std::clock();
  CHECK(open_dataset(folder.path, {})->size() == files);
  return double(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace

TEST_CASE("folders: twenty thousand files are listed in their share of what 118,000 may take, 5 seconds") {
  CHECK(seconds_to_list(20000) < 5 * 20000 / 118000.0);
}

TEST_CASE("folders: 118,000 files are listed in 5 seconds" * doctest::skip(true)) {
  const double seconds = seconds_to_list(118000);
  MESSAGE("118,000 files: ", seconds, " s");
  CHECK(seconds < 5);
}
