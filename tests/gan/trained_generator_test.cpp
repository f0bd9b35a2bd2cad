// A generator's file, read back.
#include <doctest/doctest.h>

#include "../temporary_folder.h"
#include "weft/gan/trainer.h"

using namespace weft;

TEST_CASE("a generator that was read back makes the classes it is asked for, and all in turn where it is asked for none") {
  const testing::TemporaryFolder folder;
  const Context context = Context::open("cpu", {.threads = 1});
  gan::ModelOptions o;
  o.size = 16, o.width = 2, o.latent = 3, o.condition = "concat", o.classes = {"a", "b"};
  const nn::ModulePtr network = gan::find_model("dcgan").build(context, o).generator;
  nn::initialise(*network, nn::Init::kaiming, 0);
  Metadata about = to_metadata(o);
  about["model"] = "dcgan";
  write_safetensors(folder.path / "generator.safetensors", nn::state_dict(*network), about);

  const gan::TrainedGenerator g = gan::load_generator((folder.path / "generator.safetensors").string(), context);
  const auto made = [&](const std::vector<int64_t>& which) { return g.sample(4, 9, gan::classes_of(context, g.model, which)); };
  const Tensor a = made({0, 0, 0, 0}), b = made({1, 1, 1, 1}), turns = g.sample(4, 9);
  for (int64_t i = 0; i < 4; ++i) {
    const auto picture = [&](const Tensor& of) { return slice(of, 0, i, i + 1).floats(); };
    CHECK(picture(a) != picture(b));
    CHECK(picture(turns) == picture(i % 2 ? b : a));
  }
}
