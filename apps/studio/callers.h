// Connections with the time by which each has to come further. libmicrohttpd ends one that says nothing; one that says a byte now and then
// would stay for ever, and enough of those would leave no room for anybody.
#pragma once
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

namespace weft::apps::studio {

class Callers {
 public:
  using Clock = std::chrono::steady_clock;
  struct Caller {
    int socket;
    Clock::time_point until;
  };

  Callers() : watcher_([this] { watch(); }) {}
  ~Callers() { end(); }
  Callers(const Callers&) = delete;
  Callers& operator=(const Callers&) = delete;

  Caller* come(int socket, int seconds) {
    const std::lock_guard lock(mutex_);
    return *callers_.insert(new Caller{socket, Clock::now() + std::chrono::seconds(seconds)}).first;
  }
  void extend(Caller* caller, int seconds) {
    const std::lock_guard lock(mutex_);
    caller->until = Clock::now() + std::chrono::seconds(seconds);
  }
  void go(Caller* caller) {
    const std::lock_guard lock(mutex_);
    callers_.erase(caller);
    delete caller;
  }
  /// Shuts every connection.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    tick_.notify_all();
    if (watcher_.joinable()) watcher_.join();
  }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    for (bool last = false; !last;) {
      tick_.wait_for(lock, std::chrono::seconds(1), [this] { return ending_; });
      last = ending_;
      for (const Caller* caller : callers_)
        if (last || Clock::now() > caller->until) shutdown(caller->socket, SHUT_RDWR);
    }
  }

  std::mutex mutex_;
  std::condition_variable tick_;
  std::set<Caller*> callers_;
  bool ending_ = false;
  std::thread watcher_;                          // last: all else is there when it begins
};

}  // namespace weft::apps::studio
