// How a training run shows itself on stderr: a bar that redraws itself on a terminal, a plain line now and then elsewhere.
#pragma once
#include <mutex>
#include <string>
#include <vector>

#include "weft/gan/trainer.h"

namespace weft::apps {

class ProgressDisplay {
 public:
  /// @param minutes  the time allowed, for the bar of a run without a number of steps
  ProgressDisplay(std::string title, double minutes);
  ~ProgressDisplay();                        // leaves the cursor on a fresh line
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const gan::Progress& progress);
  /// Of any other work: the share that is done, 0 to 1, after so many seconds.
  void show(double done, double seconds, const std::string& words);
  void note(const std::string& sentence);    // above the bar; from any thread

 private:
  double pace(const gan::Progress& progress);
  void draw(const std::string& left, double done, const std::string& right);

  std::mutex one_at_a_time_;
  std::string title_;
  double minutes_;
  bool terminal_, colour_;
  bool drawn_ = false;
  double next_line_ = 0;                     // seconds, where there is no terminal
  gan::Progress before_{};
  std::vector<double> paces_;                // seconds a step, between the last few calls
};

}  // namespace weft::apps
