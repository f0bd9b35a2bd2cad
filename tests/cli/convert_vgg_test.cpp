// Feature networks on the command line: weft convert-vgg, and weft transfer --method gram.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "process.h"
#include "weft/gan/image.h"
#include "weft/tensor/safetensors.h"
#include "weft/tensor/sha256.h"

using namespace cli;

namespace {

weft::HostTensor filled(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  std::vector<std::byte> bytes(size_t(count) * 4);
  for (size_t i = 3; i < bytes.size(); i += 4) bytes[i] = std::byte(i % 28 == 3 ? 0x3c : 0xbb);   // 0.0078, -0.0019
  return {weft::FileDType::f32, shape, bytes};
}

weft::HostTensors small_vgg() {
  return {{"features.0.weight", filled({64, 3, 3, 3})}, {"features.0.bias", filled({64})}, {"features.2.weight", filled({64, 64, 3, 3})},
          {"features.2.bias", filled({64})}, {"classifier.6.bias", filled({1000})}};
}

}  // namespace

TEST_CASE("convert-vgg cuts, rounds, and writes down where it comes from") {
  const Folder folder;
  weft::write_safetensors(folder / "vgg.safetensors", small_vgg());
  const Result r = run_weft({"convert-vgg", folder / "vgg.safetensors", folder / "small.safetensors", "--cut", "relu1_1", "--f16", "--preproc", "caffe", "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const nlohmann::json told = nlohmann::json::parse(r.out);
  CHECK(told["preproc"] == "caffe");
  CHECK(told["taps"] == nlohmann::json{"relu1_1"});
  const weft::Safetensors small = weft::read_safetensors(folder / "small.safetensors");
  CHECK(small.tensors.size() == 2);
  CHECK(small.tensors.at("features.0.weight").dtype == weft::FileDType::f16);
  CHECK(small.metadata.at("weft.source_sha256") == told["source_sha256"]);
  CHECK(small.metadata.at("weft.cut") == "relu1_1");

  // Once more from what it wrote: the preprocessing is known by now.
  CHECK(run_weft({"convert-vgg", folder / "small.safetensors", folder / "again.safetensors", "--cut", "relu1_1"}).code == 0);
  CHECK(weft::read_safetensors(folder / "again.safetensors").metadata.at("weft.preproc") == "caffe");
  CHECK(run_weft({"convert-vgg", folder / "small.safetensors", folder / "no.safetensors", "--cut", "relu1_1", "--preproc", "torchvision"}).code == 2);
}

TEST_CASE("convert-vgg of weft's own network: it is known afterwards too; and nothing is written over what is read") {
  const Folder folder;
  const std::string own = folder / "features.safetensors", half = folder / "half.safetensors";
  weft::write_safetensors(own, {{"features.0.weight", filled({4, 3, 3, 3})}, {"features.0.bias", filled({4})}, {"features.3.weight", filled({6, 4, 3, 3})}, {"features.3.bias", filled({6})}},
                          {{"model", "features"}});
  CHECK(run_weft({"convert-vgg", own, half, "--cut", "relu2_1", "--f16"}).code == 0);
  write_pictures(folder / "pictures", 2, 32);
  const Result r = run_weft({"transfer", "--method", "gram", "--features", half, "--content", folder / "pictures/00000.png", "--style", folder / "pictures/00001.png", "--out", folder / "out.png",
                             "--structure", "1"});
  CAPTURE(r.err);
  CHECK(r.code == 0);
  std::string about;
  for (const auto& [key, text] : weft::gan::read_png_text(folder / "out.png")) about += key + "=" + text + "\n";
  CHECK(about.find("weft.features=" + half + "\nweft.features_sha256=" + weft::sha256_of_file(half)) != std::string::npos);

  const std::string before = read_file(own);
  const Result over = run_weft({"convert-vgg", own, own, "--cut", "relu2_1"});
  CHECK(over.code == 2);
  CHECK(over.says("IN and OUT are one file"));
  CHECK(read_file(own) == before);
}

TEST_CASE("convert-vgg of what is no VGG") {
  const Folder folder;
  const std::string out = folder / "out.safetensors";
  const auto refused = [&](const Words& words, int code, const std::string& part) {
    const Result r = run_weft(words);
    CAPTURE(r.err);
    CHECK(r.code == code);
    CHECK(r.says(part));
    CHECK(!fs::exists(out));
  };
  refused({"convert-vgg", folder / "none", out}, 66, "none");
  write_file(folder / "vgg19.pth", "PK\x03\x04");
  refused({"convert-vgg", folder / "vgg19.pth", out}, 66, "PyTorch's own format");
  write_file(folder / "text", "a letter");
  refused({"convert-vgg", folder / "text", out}, 66, "safetensors");
  weft::write_safetensors(folder / "other", {{"layer1.0.conv1.weight", filled({4, 3, 3, 3})}});
  refused({"convert-vgg", folder / "other", out}, 66, "the first is layer1.0.conv1.weight");
  weft::write_safetensors(folder / "vgg", small_vgg());
  refused({"convert-vgg", folder / "vgg", out}, 2, "has the taps relu1_1 to relu1_2");
  refused({"convert-vgg", folder / "vgg", out, "--cut", "relu1_2", "--preproc", "cafe"}, 2, "did you mean 'caffe'?");
  const Result nowhere = run_weft({"convert-vgg", folder / "vgg", folder / "no/such/folder.safetensors", "--cut", "relu1_2"});
  CHECK(nowhere.code == 74);
}

TEST_CASE("transfer --method gram takes a VGG, or draws a network, and refuses anything else in a sentence") {
  const Folder folder;
  write_pictures(folder / "pictures", 2, 40);
  const Words words = {"transfer", "--content", folder / "pictures/00000.png", "--style", folder / "pictures/00001.png", "--out", folder / "out.png", "--structure", "1"};
  const auto with = [&](const Words& more) {
    Words all = words;
    all.insert(all.end(), more.begin(), more.end());
    return run_weft(all);
  };
  weft::write_safetensors(folder / "vgg", small_vgg());
  const Result by_vgg = with({"--method", "gram", "--features", folder / "vgg", "--vgg-preproc", "caffe"});
  CAPTURE(by_vgg.err);
  CHECK(by_vgg.code == 0);
  CHECK(fs::exists(folder / "out.png"));
  const Result drawn = with({"--method", "gram"});
  CHECK(drawn.code == 0);
  CHECK(drawn.says("weft train features"));

  const auto refused = [&](const Words& more, int code, const std::string& part) {
    const Result r = with(more);
    CAPTURE(r.err);
    CHECK(r.code == code);
    CHECK(r.says(part));
  };
  refused({"--method", "gramm"}, 2, "there are swd and gram");
  refused({"--features", folder / "vgg"}, 2, "--features and --vgg-preproc are for --method gram");
  refused({"--method", "gram", "--vgg-preproc", "caffe"}, 2, "there is none");
  refused({"--method", "gram", "--features", folder / "vgg", "--vgg-preproc", "keras"}, 2, "torchvision (RGB, 0 to 1) or caffe");
  refused({"--method", "gram", "--features", folder / "none"}, 66, "none");
  weft::write_safetensors(folder / "other", {{"layer1.weight", filled({4})}});
  refused({"--method", "gram", "--features", folder / "other"}, 66, "is no VGG");
}
