// A grid: its blocks over a pool of OS threads, the settings from the environment, and how a finding is reported.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

#include "block.h"

namespace weft::host {

uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return (x ^ (x >> 31)) | 1;
}

namespace {

Block& own_block() {
  static thread_local std::unique_ptr<Block> block;
  if (!block) block = std::make_unique<Block>();
  current_block = block.get();
  return *block;
}

class Workers {
 public:
  void run(const Launch& launch) {
    std::lock_guard<std::mutex> one_grid(grid_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      launch_ = &launch;
      blocks_ = uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z;
      next_ = 0;
      ++number_;
      shuffle();
      const size_t helpers = size_t(std::max(1, settings().workers) - 1);
      while (threads_.size() < std::min<size_t>(helpers, blocks_ - 1)) threads_.emplace_back([this] { loop(); });
      busy_ = int(threads_.size());
    }
    go_.notify_all();
    work();
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }
  ~Workers() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    go_.notify_all();
    for (auto& t : threads_) t.join();
  }

 private:
  void shuffle() {
    if (settings().order != Order::random) return;
    order_.resize(blocks_);
    for (uint64_t i = 0; i < blocks_; ++i) order_[i] = uint32_t(i);
    Random random{mix(settings().seed + number_ * 77)};
    for (uint64_t i = blocks_; i > 1; --i) std::swap(order_[i - 1], order_[random.below(uint32_t(i))]);
  }
  void work() {
    Block& block = own_block();
    const Order rule = settings().order;
    const dim3& g = launch_->grid;
    for (uint64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < blocks_;) {
      const uint64_t b = rule == Order::forward ? i : rule == Order::reverse ? blocks_ - 1 - i : order_[i];
      block.run(*launch_, {unsigned(b % g.x), unsigned(b / g.x % g.y), unsigned(b / g.x / g.y)}, b, number_);
    }
  }
  void loop() {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    seen = number_ - 1;                       // the launch that created this worker counts on it
    for (;;) {
      go_.wait(lock, [&] { return stop_ || number_ != seen; });
      if (stop_) return;
      seen = number_;
      lock.unlock();
      work();
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex grid_, mutex_;
  std::condition_variable go_, done_;
  std::vector<std::thread> threads_;
  const Launch* launch_ = nullptr;
  uint64_t number_ = 0, blocks_ = 0;
  std::atomic<uint64_t> next_{0};
  int busy_ = 0;
  bool stop_ = false;
  std::vector<uint32_t> order_;
};

Workers& workers() {
  static Workers w;
  return w;
}

Settings from_environment() {
  Settings s;
  if (const char* text = std::getenv("WEFT_SIM_ORDER")) {
    const std::string v = text;
    s.order = v == "reverse" ? Order::reverse : v.rfind("random", 0) == 0 ? Order::random : Order::forward;
    if (v.size() > 7) s.seed = std::strtoull(v.c_str() + 7, nullptr, 10);
  }
  if (const char* text = std::getenv("WEFT_SIM_ASYNC"))
    s.async = !std::strcmp(text, "eager") ? AsyncTiming::eager : !std::strcmp(text, "random") ? AsyncTiming::random : AsyncTiming::lazy;
  if (const char* text = std::getenv("WEFT_SIM_FAULT")) s.fault = text;
  if (const char* text = std::getenv("WEFT_SIM_WORKERS")) s.workers = std::atoi(text);
  if (const char* text = std::getenv("WEFT_SIM_STACK_KB")) s.stack_bytes = size_t(std::atoi(text)) * 1024;
#if defined(WEFT_SANITIZE)
  s.workers = 1;
#endif
  if (race_checked()) s.workers = 1;
  return s;
}

}  // namespace

Settings& settings() {
  static Settings s = from_environment();
  return s;
}

void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fprintf(stderr, "[sim] error: ");
  std::vfprintf(stderr, format, arguments);
  std::fprintf(stderr, "\n");
  va_end(arguments);
  if (current_block) current_block->describe(stderr);
  std::abort();
}

void run(const Launch& l) {
  const uint64_t threads = uint64_t(l.block.x) * l.block.y * l.block.z;
  if (threads == 0 || threads > 1024 || l.block.z > 64) fail("%s: a block of %llu threads", l.name, (unsigned long long)threads);
  if (!l.grid.x || !l.grid.y || !l.grid.z || l.grid.x > 0x7fffffffu || l.grid.y > 65535 || l.grid.z > 65535)
    fail("%s: a grid of (%u,%u,%u)", l.name, l.grid.x, l.grid.y, l.grid.z);
  if (l.shared_bytes > 227 * 1024) fail("%s: %zu bytes of dynamic shared memory", l.name, l.shared_bytes);
  if (current_block && current_block->running()) fail("%s is launched from inside a kernel", l.name);
  if (&race_new_launch) race_new_launch();
  workers().run(l);
}

}  // namespace weft::host

#if defined(WEFT_SANITIZE)
/// Called by ASan before it prints a report: says which CUDA thread it was.
extern "C" void __asan_on_error() {
  using weft::host::current_block;
  if (current_block && current_block->running()) current_block->describe(stderr);
}
#endif
