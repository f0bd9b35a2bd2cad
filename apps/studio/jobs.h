// The studio's work: one long job at a time, the others wait in a queue; each tells how far it is and can be given up. What a hand on a dial
// waits for has a queue of its own, before which the long work steps aside.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "../json.h"

namespace weft::apps::studio {

/// What a job is given to say where it is.
class Report {
 public:
  virtual ~Report() = default;
  /// @param done  share of the work, 0 to 1. False: nobody wants the rest any more, so come to an end.
  virtual bool tell(double done) = 0;
  /// A PNG: the picture so far, or the result.
  virtual void show(std::string png) = 0;
};

/// Thrown by a job that came to no result since it was given up.
struct GivenUp {};

class Jobs {
 public:
  using Task = std::function<Json(Report&)>;       // returns what the page is to know

  Jobs();
  ~Jobs();                                         // gives up what waits and what is at work, and waits for it

  /// @param urgent  what a hand on a dial waits for
  /// Returns the job's name. Throws ConfigError if too many wait already.
  std::string add(const std::string& kind, bool urgent, Task task);
  /// {"id", "kind", "state": waiting|working|done|failed|cancelled, "done", "seconds", "pictures": how many it has shown, "result", "error"};
  /// once it has ended, or after `wait`. Empty if there is none of that name (any more).
  Json status(const std::string& id, std::chrono::milliseconds wait);
  /// The last PNG that it showed; empty: none.
  std::string picture(const std::string& id);
  void cancel(const std::string& id);
  /// Gives up everything, now and from now on; nobody waits for a status any more.
  void end();

 private:
  struct Job;
  using Queue = std::deque<std::shared_ptr<Job>>;
  void work(Queue& queue);
  std::shared_ptr<Job> find(const std::string& id) const;

  static constexpr size_t most_waiting = 16, most_kept = 24;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Queue urgent_, long_, known_;                    // known: newest last
  uint64_t count_ = 0;
  bool ending_ = false;
  std::thread quick_, slow_;
};

}  // namespace weft::apps::studio
