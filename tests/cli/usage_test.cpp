// Commands, flags and settings: help, refusals with a suggestion, and where a setting comes from.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "process.h"

using namespace cli;
using nlohmann::json;

namespace {

void refused(const Words& words, int code, const std::string& part) {
  const Result r = run_weft(words);
  std::string typed;
  for (const std::string& w : words) typed += " " + w;
  CAPTURE(typed);
  CAPTURE(r.err);
  CHECK(r.code == code);
  CHECK(r.says(part));
  CHECK(r.err.rfind("weft: ", 0) == 0);
  CHECK(r.out.empty());
}

bool has_line(const std::string& text, const std::string& start) { return ("\n" + text).find("\n" + start) != std::string::npos; }

}  // namespace

TEST_CASE("help fits a small terminal and has an example at every level") {
  const Result all = run_weft({"-h"});
  CHECK(all.code == 0);
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') <= 24);
  for (const std::string command : {"train", "generate", "evaluate", "project", "trace", "inspect", "list", "info", "bench"}) {
    CHECK(all.out.find("\n  " + command + " ") != std::string::npos);
    const Result one = run_weft({command, "--help"});
    CHECK(one.code == 0);
    CHECK(one.err.empty());
    CHECK(one.out.find("Example:\n  weft " + command) != std::string::npos);
  }
  const Result none = run_weft({});
  CHECK(none.code == 2);
  CHECK(none.err == all.out);
}

TEST_CASE("the version is told at once") {
  const Result r = run_weft({"--version"});
  CHECK(r.code == 0);
  CHECK(r.out.rfind("weft ", 0) == 0);
  CHECK(std::count(r.out.begin(), r.out.end(), '\n') == 1);
#ifndef WEFT_SANITIZE
  CHECK(r.processor_seconds < 0.05);          // not by the clock: other tests may be at work beside this one
#endif
}

TEST_CASE("what nobody knows is refused, with the nearest that somebody does") {
  refused({"trian"}, 2, "did you mean 'train'?");
  refused({"train", "--bacth", "8"}, 2, "did you mean '--batch'?");
  refused({"train", "dcgann"}, 2, "did you mean 'dcgan'?");
  refused({"train", "--objective", "hinje"}, 2, "did you mean 'hinge'?");
  refused({"train", "--order", "dfirst"}, 2, "did you mean 'd-first'?");
  refused({"train", "--set", "train.bacth=8"}, 2, "did you mean 'train.batch'?");
  refused({"train", "--set", "batch=8"}, 2, "did you mean 'train.batch'?");
  refused({"train", "--set", "train.batch"}, 2, "expected key=value");
  refused({"list", "modles"}, 2, "did you mean 'models'?");
  refused({"list", "foo"}, 2, "models, objectives, penalties, data");
  refused({"info", "more"}, 2, "'more'");
  refused({"train", "--batch"}, 2, "--batch");
  refused({"train", "--zzzzzzz"}, 2, "weft train -h");
  refused({"generate"}, 2, "RUN");
  refused({"generate", "somewhere"}, 2, "--out");
  refused({"train"}, 2, "--data is missing");
  refused({"train", "--data", "fashion-mnist"}, 2, "--out is missing");
}

TEST_CASE("negative and absurd numbers are refused with the range") {
  refused({"train", "--batch", "-3"}, 2, "--batch is '-3', but it must be a whole number from 1 to 65536");
  refused({"train", "--batch", "0"}, 2, "--batch is '0'");
  refused({"train", "--batch", "2.5"}, 2, "a whole number");
  refused({"train", "--batch", "many"}, 2, "a whole number");
  refused({"train", "--batch", "99999999999999999999"}, 2, "--batch");
  refused({"train", "--steps", "-1"}, 2, "--steps");
  refused({"train", "--steps", "8x"}, 2, "--steps");
  refused({"train", "--size", "1000000"}, 2, "--size");
  refused({"train", "--width", "-64"}, 2, "--width");
  refused({"train", "--minutes", "nan"}, 2, "--minutes");
  refused({"train", "--minutes", "inf"}, 2, "--minutes");
  refused({"train", "--seed", "-1"}, 2, "--seed");
  refused({"train", "--threads", "-2"}, 2, "--threads");
  refused({"train", "--set", "optimizer.beta1=1"}, 2, "optimizer.beta1");
  refused({"train", "--set", "optimizer.learning_rate_g=-1"}, 2, "optimizer.learning_rate_g");
  refused({"train", "--set", "data.flip=yes"}, 2, "true or false");
  refused({"generate", "x", "--out", "y.png", "--count", "0"}, 2, "--count");
  refused({"generate", "x", "--out", "y.png", "--count", "-5"}, 2, "--count");
  refused({"generate", "x", "--out", "y.png", "--seed", "1e3"}, 2, "--seed");
}

TEST_CASE("a configuration file is read strictly, and every trouble has line and column") {
  const Folder folder;
  const std::string file = folder / "run.toml";
  auto trouble = [&](const std::string& text, const std::string& place, const std::string& part) {
    write_file(file, text);
    refused({"train", "--config", file, "--print-config"}, 2, file + place);
    refused({"train", "--config", file, "--print-config"}, 2, part);
  };
  trouble("[train]\nbacth = 8\n", ":2:1: ", "did you mean 'train.batch'?");
  trouble("[train]\nsteps = 8\n  batch = -1\n", ":3:3: ", "whole number from 1");
  trouble("[trian]\nsteps = 8\n", ":1:", "did you mean 'train'?");
  trouble("[train]\nbatch = \"8\"\n", ":2:1: ", "without quotes");
  trouble("[train]\nbatch = 8.0\n", ":2:1: ", "whole number");
  trouble("[train]\nobjective = 3\n", ":2:1: ", "in quotes");
  trouble("[train]\nbatch = [8]\n", ":2:1: ", "single value");
  trouble("[data]\nflip = 1\n", ":2:1: ", "true or false");
  trouble("[train\nbatch = 8\n", ":1:", "");
  trouble("[train]\nbatch = 8\nbatch = 9\n", ":3:", "");
  trouble("top = 1\n", ":1:1: ", "'top'");
  trouble("[data]\n# größer\nsource = \"größe\"\nflip = größer\n", ":4:", "");                // not in quotes
  trouble("[data]\nsource = \"100 \\u0025\"\n", ": write % itself", "");
  refused({"train", "--config", folder / "none.toml"}, 2, "cannot be read");
  refused({"train", "--config", folder / ""}, 2, "cannot be read");
}

TEST_CASE("flags are stronger than --set, --set than --config, --config than the defaults") {
  const Folder folder;
  const std::string file = folder / "run.toml";
  write_file(file, "[train]\nbatch = 10\nsteps = 20\nseed = 30\n[optimizer]\nbeta1 = 0\n");
  const Result r = run_weft({"train", "--print-config", "--batch", "12", "--config", file, "--set", "train.batch=11", "--set", "train.steps=21"});
  REQUIRE(r.code == 0);
  CHECK(has_line(r.out, "batch = 12 "));
  CHECK(has_line(r.out, "steps = 21 "));
  CHECK(has_line(r.out, "seed = 30 "));
  CHECK(has_line(r.out, "beta1 = 0.0 "));
  CHECK(has_line(r.out, "beta2 = 0.999 "));
}

TEST_CASE("--size 48x32 is a width and a height") {
  for (const auto& [size, across, high] : {std::tuple{"48x32", "across = 48 ", "high = 0 "}, {"32x40", "across = 0 ", "high = 40 "}, {"32x32", "across = 0 ", "high = 0 "}}) {
    const Result r = run_weft({"train", "--print-config", "--size", size});
    for (const char* line : {"size = 32 ", across, high}) CHECK_MESSAGE(has_line(r.out, line), line);
  }
  refused({"train", "--print-config", "--size", "48x"}, 2, "a whole number");
  refused({"train", "--print-config", "--size", "48x32x3"}, 2, "a whole number");
  refused({"train", "cyclegan", "--data", "swatches", "--out", "x", "--size", "48x32"}, 2, "square");
}

TEST_CASE("dcgan's rates follow its width, unless they are given") {
  for (const auto& [words, rate] : {std::pair{Words{"--width", "64"}, "2e-04"}, {Words{"--width", "32"}, "4e-04"}, {Words{"--set", "model.width=16"}, "8e-04"},
                                    {Words{"--width", "4"}, "0.001"}, {Words{"--width", "128"}, "2e-04"}, {Words{"--width", "16", "--set", "optimizer.learning_rate_g=0.0003"}, "3e-04"}}) {
    Words all = {"train", "dcgan", "--print-config"};
    all.insert(all.end(), words.begin(), words.end());
    CHECK_MESSAGE(has_line(run_weft(all).out, std::string("learning_rate_g = ") + rate + " "), all.back());
  }
  CHECK(has_line(run_weft({"train", "resnet", "--print-config", "--width", "16"}).out, "learning_rate_g = 2e-04 "));
  const std::string unequal = run_weft({"train", "dcgan", "--print-config", "--width", "16", "--set", "model.d_width=32"}).out;
  for (const char* line : {"learning_rate_g = 8e-04 ", "learning_rate_d = 4e-04 "}) CHECK_MESSAGE(has_line(unequal, line), line);
}

TEST_CASE("a setting that the model does not have is refused, with the models that have it") {
  const Folder folder;
  write_pictures(folder / "data", 8);
  for (const auto& [model, pair, owners] : {std::tuple{"r3gan", "model.minibatch_std=4", "dcgan, convgan, stylegan2"}, {"convgan", "model.stem=dense", "dcgan, vaegan"}, {"dcgan", "loss.content=5", "vaegan, restyle"},
                                            {"dcgan", "train.pool=50", "cyclegan"}, {"vaegan", "train.order=g-first", "dcgan, convgan"}, {"features", "model.waves=3", "mlp"}, {"dcgan", "model.dropout=0.5", "pix2pix, classifier"}, {"features", "train.packing=2", "dcgan, convgan, resnet, r3gan, stylegan2, mlp"},
                                            {"features", "loss.path_length=2", "stylegan2"}, {"features", "train.penalty_every=4", "dcgan, convgan"}, {"dcgan", "train.style_batch=4", "restyle"}}) {
    const Result r = run_weft({"train", model, "--data", folder / "data", "--out", folder / "run", "--size", "32", "--width", "2", "--batch", "2", "--steps", "1", "--set", pair});
    CAPTURE(r.err);
    CHECK(r.code == 2);
    CHECK((r.says(std::string("does nothing for ") + model + "; it is a setting of " + owners) || r.says(std::string("do nothing for ") + model + "; they are settings of " + owners)));
    CHECK(!fs::exists(folder / "run"));
  }
}

TEST_CASE("a preset of augmentations is weaker than whatever is set by name, in any order") {
  for (const Words& words : {Words{"--augment", "little-data", "--set", "data.rotation=7", "--set", "data.flip=false"},
                             Words{"--set", "data.flip=false", "--set", "data.rotation=7", "--set", "data.augment=little-data"}}) {
    Words all = {"train", "--print-config"};
    all.insert(all.end(), words.begin(), words.end());
    const std::string out = run_weft(all).out;
    for (const char* line : {"augment = \"little-data\" ", "rotation = 7.0 ", "flip = false ", "shift = 0.2 ", "shear = 0.2 ", "zoom = 0.2 ", "fill = \"nearest\" ", "crop = 0.0 "})
      CHECK_MESSAGE(has_line(out, line), line);
  }
  refused({"train", "--augment", "littel-data"}, 2, "did you mean 'little-data'?");
}

TEST_CASE("what --print-config prints is a configuration file that means the same") {
  const Folder folder;
  const std::string file = folder / "run.toml";
  const Words odd = {"train", "dcgan", "--print-config", "--data", folder / "a \"b\" \\ 100 % größer %41", "--minutes", "0.1", "--seed", "9007199254740991",
                     "--set", "optimizer.epsilon=1.5e-12", "--set", "model.ema=0.999", "--set", "data.flip=true"};
  const Result first = run_weft(odd);
  REQUIRE(first.code == 0);
  CHECK(first.err.empty());
  write_file(file, first.out);
  const Result again = run_weft({"train", "--print-config", "--config", file});
  CHECK(again.code == 0);
  CHECK(again.out == first.out);
  CHECK(run_weft({"train", "--print-config"}).out != first.out);
}

TEST_CASE("list and info print one JSON object when asked") {
  for (const Words& words : {Words{"list", "--json"}, Words{"list", "models", "--json"}, Words{"info", "--json"}}) {
    const Result r = run_weft(words);
    CHECK(r.code == 0);
    CHECK(r.err.empty());
    CHECK(json::parse(r.out).is_object());
  }
  CHECK(json::parse(run_weft({"list", "--json"}).out)["models"][0]["name"] == "dcgan");
  CHECK(run_weft({"list"}).out.find("non-saturating") != std::string::npos);
  CHECK(run_weft({"info"}).out.find("cpu") != std::string::npos);
}

TEST_CASE("train --plan tells what a run would take and writes nothing") {
  const Folder folder;
  write_pictures(folder / "data", 5);
  const Result told = run_weft(small_run(folder / "data", folder / "run", {"--plan", "--json"}));
  CAPTURE(told.err);
  REQUIRE(told.code == 0);
  const json plan = json::parse(told.out);
  CHECK(plan["steps"] == 2);
  CHECK(plan["images"] == 5);
  for (const char* key : {"flops_a_step", "seconds_a_step", "peak_tensor_bytes", "total_seconds", "checkpoint_bytes"}) CHECK_MESSAGE(plan[key].get<double>() > 0, key);
  const Result table = run_weft(small_run(folder / "data", folder / "run", {"--plan"}));
  CHECK(table.code == 0);
  CHECK(table.out.find("FLOP/s") != std::string::npos);
  CHECK(!fs::exists(folder / "run"));
  CHECK(run_weft({"train", "--plan"}).says("--data is missing"));
}
