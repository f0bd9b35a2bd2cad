#include "weft/gan/model.h"

#include "weft/gan/gan.h"

namespace weft::gan {

const std::vector<Model>& models() {
  static const std::vector<Model> all = {
      {"dcgan", "convolutional generator and discriminator with batch norm; 16, 28, 32, 64 or 128 pixels",
       "Radford et al., arXiv:1511.06434", dcgan},
  };
  return all;
}

std::unique_ptr<Contest> make_contest(const Context& context, const Model& model, const GanOptions& options) {
  return model.contest ? model.contest(context, model, options) : std::make_unique<Gan>(context, model, options);
}

const Model& find_model(const std::string& name) {
  std::vector<std::string> known;
  for (const Model& m : models()) {
    if (name == m.name) return m;
    known.push_back(m.name);
  }
  throw ConfigError("no model is called '" + name + "'" + suggestion(name, known) + "; `weft list models` shows all");
}

}  // namespace weft::gan
