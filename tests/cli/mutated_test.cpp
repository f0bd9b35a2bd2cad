// A thousand pictures of every format with flipped bits, trained on for two epochs. The bits are flipped by zzuf where it is
// installed, as everyone flips them, and otherwise by this file: each bit of a file with the same probability.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "process.h"
#include "weft/kernels/error.h"
#include "where.h"

using namespace cli;

namespace {

constexpr int kPictures = 1000;
constexpr const char* kRates[] = {"0.0001", "0.0004", "0.001", "0.004", "0.01", "0.05"};

std::string flipped(std::string bytes, double rate, unsigned seed) {
  std::mt19937 random(seed);
  std::bernoulli_distribution flip(rate);
  for (char& byte : bytes)
    for (int bit = 0; bit < 8; ++bit) byte = static_cast<char>(byte ^ (flip(random) << bit));
  return bytes;
}

/// Which of the mutated pictures cannot be read, by name.
std::set<std::string> mutate_into(const std::string& folder, bool by_zzuf) {
  std::vector<fs::path> seeds;
  for (const auto& entry : fs::directory_iterator(weft::testing::test_file("fuzz/corpus/image"))) seeds.push_back(entry.path());
  std::sort(seeds.begin(), seeds.end());
  REQUIRE(seeds.size() > 20);
  fs::create_directories(folder);
  std::set<std::string> bad;
  for (int i = 0; i < kPictures; ++i) {
    const fs::path& seed = seeds[static_cast<size_t>(i) % seeds.size()];
    const char* rate = kRates[static_cast<size_t>(i) / seeds.size() % std::size(kRates)];
    const std::string name = std::to_string(10000 + i) + seed.extension().string(), path = folder + "/" + name;
    if (by_zzuf) {
      const std::string command = std::string("zzuf -r ") + rate + " -s " + std::to_string(i) + " < '" + seed.string() + "' > '" + path + "'";
      REQUIRE(std::system(command.c_str()) == 0);
    } else {
      write_file(path, flipped(read_file(seed.string()), std::atof(rate), static_cast<unsigned>(i)));
    }
    try {
      weft::gan::read_image(path);
    } catch (const weft::FormatError&) {
      bad.insert(name);
    }
  }
  return bad;
}

}  // namespace

TEST_CASE("a thousand pictures with flipped bits: each broken one is named once in two epochs, and nothing crashes") {
  const Folder folder;
  const bool by_zzuf = std::system("zzuf -V > /dev/null 2>&1") == 0;
  const std::set<std::string> bad = mutate_into(folder / "data", by_zzuf);
  MESSAGE(bad.size(), " of ", kPictures, " are broken, by ", std::string(by_zzuf ? "zzuf" : "the test itself"));
  CHECK(bad.size() > 200);
  CHECK(bad.size() < kPictures - 50);            // a build without JPEG and WebP refuses half of them for that alone
  const Result r = run_weft(small_run(folder / "data", folder / "run", {"--batch", "50", "--steps", "41", "--set", "data.broken_share=1"}));
  CHECK_MESSAGE(r.code == 0, r.err);
  for (int i = 0; i < kPictures; ++i) {
    const std::string number = "/" + std::to_string(10000 + i) + ".";
    const size_t at = r.err.find(number);
    const bool named = at != std::string::npos, again = named && r.err.find(number, at + 1) != std::string::npos;
    const bool broken = std::any_of(bad.begin(), bad.end(), [&](const std::string& name) { return "/" + name.substr(0, 6) == number; });
    if (named != broken || again) FAIL_CHECK(number << (again ? " is named twice" : broken ? " is broken and not named" : " is whole and named"));
  }
}
