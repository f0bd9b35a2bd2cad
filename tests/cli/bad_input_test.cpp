// Data and folders that cannot be used: each ends with a sentence that names the trouble, and with the right exit code.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "process.h"

using namespace cli;

namespace {

void refused(const Words& words, int code, const Words& parts) {
  const Result r = run_weft(words);
  CAPTURE(r.err);
  CHECK(r.code == code);
  for (const std::string& part : parts) CHECK_MESSAGE(r.says(part), part);
  CHECK(r.out.empty());
  CHECK(r.seconds < 20);
}

uint32_t crc(const std::string& bytes) {
  uint32_t c = 0xffffffffu;
  for (const char byte : bytes) {
    c ^= static_cast<uint8_t>(byte);
    for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
  }
  return ~c;
}

std::string big_endian(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

/// A small PNG whose header claims side x side pixels.
std::string bomb(uint32_t side) {
  std::string png = weft::gan::encode_png({16, 16, 1, std::vector<uint8_t>(256)});
  png.replace(16, 8, big_endian(side) + big_endian(side));
  png.replace(29, 4, big_endian(crc(png.substr(12, 17))));
  return png;
}

}  // namespace

TEST_CASE("data that is missing, empty or no data") {
  const Folder folder;
  const std::string out = folder / "run";
  refused(small_run(folder / "nowhere", out), 66, {"nowhere"});
  refused(small_run("fashion-mnits", out), 66, {"did you mean 'fashion-mnist'?"});
  refused(small_run("fashion-mnist", out, {"--size", "32", "--set", "data.root=" + (folder / "none")}), 66, {"none"});
  fs::create_directories(folder / "empty");
  refused(small_run(folder / "empty", out), 66, {"empty"});
  fs::create_directories(folder / "texts");
  write_file(folder / "texts/notes.txt", "no picture");
  refused(small_run(folder / "texts", out), 66, {"no pictures"});
  write_file(folder / "file", "not an IDX file");
  refused(small_run(folder / "file", out), 66, {"file"});
  CHECK(!fs::exists(out));
}

TEST_CASE("data that may not be read, and a folder that may not be written") {
  const Folder folder;
  Surroundings user;
  user.as_user = true;
  write_pictures(folder / "data", 5);
  fs::create_directories(folder / "locked");
  fs::permissions(folder / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  const Result unwritable = run_weft(small_run(folder / "data", folder / "locked/run"), user);
  if (unwritable.code == 126) {
    MESSAGE("skipped: this system lets root keep its privileges");
    return;
  }
  CHECK(unwritable.code == 74);
  CHECK(unwritable.says("locked/run"));
  CHECK(unwritable.says("Permission denied"));
  fs::permissions(folder / "data", fs::perms::none);
  const Result unreadable = run_weft(small_run(folder / "data", folder / "run"), user);
  fs::permissions(folder / "data", fs::perms::owner_all);
  CHECK(unreadable.code == 66);
  CHECK(unreadable.says("Permission denied"));
  CHECK(!fs::exists(folder / "run"));
}

TEST_CASE("a few broken pictures are named and replaced; too many stop the run") {
  const Folder folder;
  write_pictures(folder / "good", 12);
  write_file(folder / "good/zero bytes.png", "");
  write_file(folder / "good/a text.png", "this is a text");
  write_file(folder / "good/cut short.png", read_file(folder / "good/00000.png").substr(0, 60));
  const Result r = run_weft(small_run(folder / "good", folder / "run", {"--steps", "8"}));      // two rounds of all 15
  CAPTURE(r.err);
  CHECK(r.code == 0);
  for (const char* name : {"zero bytes.png", "a text.png", "cut short.png"}) {
    const size_t at = r.err.find(name);
    CHECK_MESSAGE(at != std::string::npos, name);
    CHECK_MESSAGE(r.err.find(name, at + 1) == std::string::npos, name << " is named once");
  }

  fs::create_directories(folder / "bad");
  for (int i = 0; i < 40; ++i) write_file(folder / ("bad/" + std::to_string(i) + ".png"), "this is a text");
  refused(small_run(folder / "bad", folder / "run 2"), 66, {"bad"});
  write_pictures(folder / "bad", 10);
  refused(small_run(folder / "bad", folder / "run 3", {"--steps", "30"}), 66, {"too many broken pictures"});
}

TEST_CASE("a picture that unpacks to gigabytes is refused by its header") {
  const Folder folder;
  write_pictures(folder / "data", 8);
  write_file(folder / "data/bomb.png", bomb(30000));
  const Result r = run_weft(small_run(folder / "data", folder / "run", {"--steps", "5", "--json"}));
  CAPTURE(r.err);
  CHECK(r.code == 0);
  CHECK(r.says("bomb.png"));
  CHECK(r.says("30000"));
}

TEST_CASE("labels, weights and classes that are wrong or not there") {
  const Folder folder;
  write_pictures(folder / "data", 8);
  const auto with = [&](const Words& more) { return small_run(folder / "data", folder / "run", more); };
  refused(with({"--set", "data.sampling=balanced"}), 2, {"no classes", "labels.csv"});
  refused(with({"--set", "data.sampling=weighted"}), 2, {"no weights", "labels.csv"});
  refused(with({"--set", "data.labels=" + (folder / "none.csv")}), 66, {"none.csv"});
  refused(small_run("swatches", folder / "run", {"--set", "data.labels=x.csv"}), 2, {"x.csv", "folder of pictures"});
  refused(small_run("swatches", folder / "run", {"--size", "4"}), 2, {"8 to 1024"});
  write_file(folder / "data/labels.csv", "file,label\n00001.png\n");
  refused(with({}), 66, {"labels.csv:2: has 1 field"});
  write_file(folder / "data/labels.csv", "file,label,weight\n00001.png,a,-1\n");
  refused(with({}), 66, {"labels.csv:2: the weight '-1'"});
  write_file(folder / "data/labels.csv", "file,label,weight\n00001.png,a,0\n00002.png,b,0\n00003.png,b,0\n00004.png,b,0\n");
  refused(with({"--set", "data.sampling=weighted"}), 2, {"all weights are 0"});
  CHECK(!fs::exists(folder / "run"));
  CHECK(run_weft(with({"--set", "data.sampling=balanced"})).code == 0);
}

TEST_CASE("batches that the data or batch norm cannot give") {
  const Folder folder;
  write_pictures(folder / "one", 1);
  write_pictures(folder / "five", 5);
  refused(small_run(folder / "one", folder / "run"), 2, {"batch", "1"});
  refused(small_run(folder / "five", folder / "run", {"--batch", "6"}), 2, {"batch = 6", "5"});
  refused(small_run(folder / "five", folder / "run", {"--batch", "1"}), 2, {"batch norm"});
  CHECK(!fs::exists(folder / "run"));
}

TEST_CASE("sizes that the architecture or the data cannot reach") {
  const Folder folder;
  write_pictures(folder / "data", 5);
  refused(small_run(folder / "data", folder / "run", {"--size", "20"}), 2, {"20", "32"});
  refused(small_run(folder / "data", folder / "run", {"--size", "1"}), 2, {"dcgan"});
  refused(small_run(folder / "data", folder / "run", {"--set", "model.channels=2"}), 2, {"channels"});
  CHECK(!fs::exists(folder / "run"));
}

TEST_CASE("a folder for the run that cannot be written or holds another run") {
  const Folder folder;
  write_pictures(folder / "data", 5);
  write_file(folder / "file", "");
  refused(small_run(folder / "data", folder / "file"), 74, {"file"});
  refused(small_run(folder / "data", folder / "file/run"), 74, {"file/run"});
  refused(small_run(folder / "data", "/proc/run"), 74, {"/proc/run"});
  fs::create_symlink("loop", folder / "loop");
  refused(small_run(folder / "data", folder / "loop/run"), 74, {"loop/run"});
  refused({"generate", folder / "loop/run", "--out", folder / "x.png"}, 74, {"cannot look for", "loop/run"});
  REQUIRE(run_weft(small_run(folder / "data", folder / "run")).code == 0);
  refused(small_run(folder / "data", folder / "run"), 2, {"holds another run"});
}

TEST_CASE("a device that is not there: what there is, and why the others cannot be used") {
  const Folder folder;
  write_pictures(folder / "data", 5);
  refused(small_run(folder / "data", folder / "run", {"--device", "tpu"}), 2, {"tpu", "cpu", "reference"});
  CHECK(!fs::exists(folder / "run"));
}

TEST_CASE("--json tells a failure as one object too") {
  const Result r = run_weft({"train", "--batch", "-1", "--json"});
  CHECK(r.code == 2);
  CHECK(r.says("--batch"));
  const auto told = nlohmann::json::parse(r.out);
  CHECK(told["exit_code"] == 2);
  CHECK(told["error"].get<std::string>().find("--batch") != std::string::npos);
}
