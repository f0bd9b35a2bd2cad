// Listens to what a run tells, and says in a sentence when it goes the way in which runs fail: all samples become one picture, the
// discriminator learns its pictures by heart, losses or gradients run away.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "weft/gan/gan.h"

namespace weft::gan {

/// What alarms go by beyond a step's own gauges: "difference_samples" and "difference_data", of two pictures' numbers, the root of the mean square, and,
/// where pictures are held out, "d_train" and "d_held_out", of those that the discriminator learned from and of those that it never saw the share that it
/// takes for real (certainty, objective.h).
Gauges watched(const Gan& gan, const Tensors& batch, const Tensors& held_out, uint64_t seed);

class Alarms {
 public:
  /// The sentences that are new. Each trouble is told once; again only after it had passed.
  std::vector<std::string> hear(int64_t step, const Gauges& gauges);

 private:
  /// Whether trouble of that name is to be told now: it is there for the second time in a row, and was not told.
  bool rings(const std::string& name, bool there);

  std::map<std::string, std::vector<double>> first_;     // the first values of each loss and each gradient's length
  std::map<std::string, int> in_a_row_;
  std::set<std::string> told_;
};

}  // namespace weft::gan
