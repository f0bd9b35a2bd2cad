// What the two networks play for. An objective turns logits of real and generated images into two losses to minimise.
#pragma once
#include <string>

#include "weft/tensor/ops.h"

namespace weft::gan {

struct Objective {
  const char* name;
  const char* paper;
  const char* optimum;   // of the discriminator's logit, for fixed densities p (data) and q (generator)
  Tensor (*discriminator)(const Tensor& real, const Tensor& fake, double target);   // target: of real pictures, if there is a label
  Tensor (*generator)(const Tensor& real, const Tensor& fake);   // `real` is empty where the objective does not use it
  bool labels = false;                   // it has labels, 1 for real pictures and 0 for generated ones
  bool generator_sees_real = false;      // generator() uses `real`, and no gradient goes into it
  enum class Doubt { at_zero, at_half, between } doubt = Doubt::at_zero;   // the logit that says neither; between: only differences say anything
};

/// Above 0 where the discriminator knows real pictures from generated ones: (N), of logits (N) each.
Tensor certainty(const Objective& objective, const Tensor& real, const Tensor& fake);

/// All of them, for `weft list`, tests and docs.
const std::vector<Objective>& objectives();
/// Throws ConfigError with a suggestion if there is none of that name.
const Objective& find_objective(const std::string& name);

/// "; did you mean 'x'?" for the nearest of the known names, or nothing if none is near.
std::string suggestion(const std::string& given, const std::vector<std::string>& known);
/// "a, b, c"
std::string listed(const std::vector<std::string>& names);
/// What stands between the separators; what is empty is left out.
std::vector<std::string> parts_of(const std::string& text, char at);

/// The row of that name. Throws ConfigError with a suggestion if there is none: no `kind` is called so, `weft list ALL` shows them.
template <class Row>
const Row& row_named(const std::vector<Row>& rows, const std::string& name, const std::string& kind, const std::string& all) {
  std::vector<std::string> known;
  for (const Row& row : rows) {
    if (name == row.name) return row;
    known.push_back(row.name);
  }
  throw ConfigError("no " + kind + " is called '" + name + "'" + suggestion(name, known) + "; `weft list " + all + "` shows all");
}

}  // namespace weft::gan
