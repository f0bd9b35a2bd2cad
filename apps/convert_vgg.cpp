// weft convert-vgg: the part of a VGG that style transfer needs, in a small file that tells how it is to be fed.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "command.h"
#include "json.h"
#include "weft/gan/feature_network.h"
#include "weft/tensor/sha256.h"

namespace weft::apps {
namespace {

struct ConvertArguments {
  std::string in, out, cut = "relu5_1", preproc;
  bool half = false, json = false;
};

int run(const ConvertArguments& a) {
  std::error_code error;
  if (std::filesystem::equivalent(a.in, a.out, error)) throw ConfigError("convert-vgg: IN and OUT are one file, " + a.in + "; give the smaller network a name of its own");
  const Context context = Context::open("cpu");
  const std::optional<gan::Preprocessing> told = a.preproc.empty() ? std::nullopt : std::optional(gan::find_preprocessing(a.preproc));
  const auto network = gan::load_feature_network(context, a.in, {told, a.cut});
  const std::string source = std::filesystem::path(a.in).filename().string(), sum = sha256_of_file(a.in);
  gan::save_feature_network(a.out, *network, a.half, {{"weft.source", source}, {"weft.source_sha256", sum}});

  const auto bytes = std::filesystem::file_size(a.out, error);
  if (a.json) {
    print_json({{"file", a.out}, {"bytes", bytes}, {"cut", a.cut}, {"preproc", gan::name_of(network->preprocessing())},
                {"taps", network->tap_names()}, {"source", source}, {"source_sha256", sum}});
  } else {
    std::printf("%s\n", a.out.c_str());
    std::fprintf(stderr, "weft: %zu taps up to %s, %.1f MB, preprocessing %s; source %.8s...\n", network->tap_names().size(), a.cut.c_str(),
                 double(bytes) / 1e6, gan::name_of(network->preprocessing()), sum.c_str());
  }
  return 0;
}

}  // namespace

Command convert_vgg_command(const std::string&) {
  const auto a = std::make_shared<ConvertArguments>();
  return {"convert-vgg", "Cut a VGG to what style transfer needs",
          "weft convert-vgg model.safetensors vgg19.safetensors --f16\n"
          "  weft transfer --method gram --features vgg19.safetensors --content dress.jpg --style waves.jpg --out new.png",
          {{"IN", "", "VGG16 or VGG19 as safetensors, with torchvision's or timm's names", &a->in, true},
           {"OUT", "", "the file to write: 26 MB for VGG19 with --f16, instead of 575", &a->out, true},
           {"--cut", "TAP", "the deepest activation to keep [relu5_1]", &a->cut},
           {"--f16", "", "store 16-bit numbers", &a->half},
           {"--preproc", "NAME", "what the weights expect: torchvision (RGB, 0 to 1) or caffe (BGR, 0 to 255) [as the file says, else torchvision]", &a->preproc},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a] { return run(*a); }};
}

}  // namespace weft::apps
