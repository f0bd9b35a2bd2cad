// Out of memory: the message lists what is there, and names a batch that then fits.
#include <doctest/doctest.h>

#include "../temporary_folder.h"
#include "weft/gan/trainer.h"

using namespace weft;

namespace {

/// What a run of three steps ends with: "" if it fits.
std::string trained(const char* device, int batch, int limit, int width = 8) {
  const testing::TemporaryFolder folder;
  gan::TrainRequest request;
  gan::TrainSettings& s = request.settings;
  s.data = "swatches", s.out = (folder.path / "run").string(), s.device = device, s.threads = 1;
  s.size = 16, s.width = width, s.latent = 8, s.batch = batch, s.steps = 3, s.samples = 4, s.memory_limit = limit;
  try {
    gan::train(request, {});
    return "";
  } catch (const OutOfMemory& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("a batch that does not fit: the one that is named does, and one a third larger does not") {
  for (const char* device : {"cpu", "sim"}) {
    if (!find_backend(device, DType::f32)) continue;
    CAPTURE(device);
    const std::string text = trained(device, 512, 6);
    CAPTURE(text);
    REQUIRE(text.rfind("the limit of 6 MiB leaves no room", 0) == 0);
    CHECK(text.find("\n  1536 KiB  (512, 16, 16, 3)\n") != std::string::npos);        // the pictures, made by no operation
    CHECK(text.find("  normalize\n") != std::string::npos);
    const size_t at = text.find("a batch of ");
    REQUIRE(at != std::string::npos);
    const int batch = std::stoi(text.substr(at + 11));
    REQUIRE(batch >= 2);
    CHECK(trained(device, batch, 6) == "");
    CHECK(trained(device, batch * 4 / 3, 6) != "");
  }
}

TEST_CASE("networks that do not fit by themselves are not blamed on the batch") {
  if (!find_backend("cpu", DType::f32)) return;
  const std::string text = trained("cpu", 64, 4, 56);
  CHECK_MESSAGE(text.find("no batch fits: a smaller size or width") != std::string::npos, text);
}
