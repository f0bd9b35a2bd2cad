#include "jobs.h"

#include <sys/resource.h>

#include <algorithm>

#include "weft/kernels/error.h"

namespace weft::apps::studio {

using Clock = std::chrono::steady_clock;

struct Jobs::Job : Report {
  Job(Jobs& all, std::string name, std::string what, Task work) : jobs(all), id(std::move(name)), kind(std::move(what)), task(std::move(work)) {}

  bool tell(double share) override {
    done = share;
    return !unwanted;
  }
  void show(std::string png) override {
    const std::lock_guard lock(jobs.mutex_);
    picture = std::move(png), ++pictures;
  }
  bool ended() const { return state == "done" || state == "failed" || state == "cancelled"; }

  Jobs& jobs;
  const std::string id, kind;
  Task task;
  std::atomic<bool> unwanted{false};
  std::atomic<double> done{0};
  std::string state = "waiting", error, picture;         // this and what follows: under the lock
  int pictures = 0;
  Json result = nullptr;
  Clock::time_point begun = {};
  double seconds = 0;
};

Jobs::Jobs()
    : quick_([this] { work(urgent_); }), slow_([this] {
        setpriority(PRIO_PROCESS, 0, 10);                   // of this thread, and of those that it will begin
        work(long_);
      }) {}

Jobs::~Jobs() {
  end();
  quick_.join(), slow_.join();
}

void Jobs::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (const auto& job : known_) job->unwanted = true;
  }
  changed_.notify_all();
}

std::string Jobs::add(const std::string& kind, bool urgent, Task task) {
  const std::lock_guard lock(mutex_);
  Queue& queue = urgent ? urgent_ : long_;
  if (queue.size() >= most_waiting) throw ConfigError("too much is waiting already; let it come to an end, or cancel some");
  const auto job = std::make_shared<Job>(*this, "job-" + std::to_string(++count_), kind, std::move(task));
  queue.push_back(job);
  known_.push_back(job);
  for (auto old = known_.begin(); known_.size() > most_kept && old != known_.end();) old = (*old)->ended() ? known_.erase(old) : std::next(old);
  changed_.notify_all();
  return job->id;
}

std::shared_ptr<Jobs::Job> Jobs::find(const std::string& id) const {
  const auto it = std::find_if(known_.begin(), known_.end(), [&](const auto& job) { return job->id == id; });
  return it == known_.end() ? nullptr : *it;
}

Json Jobs::status(const std::string& id, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  const auto job = find(id);
  if (!job) return {};
  changed_.wait_for(lock, wait, [&] { return ending_ || job->ended(); });
  const double seconds = job->state == "working" ? std::chrono::duration<double>(Clock::now() - job->begun).count() : job->seconds;
  return {{"id", id}, {"kind", job->kind}, {"state", job->state}, {"done", double(job->done)}, {"seconds", seconds}, {"pictures", job->pictures},
          {"result", job->result}, {"error", job->error}};
}

std::string Jobs::picture(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto job = find(id);
  return job ? job->picture : "";
}

void Jobs::cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto job = find(id);
  if (!job || job->ended()) return;
  job->unwanted = true;
  for (Queue* queue : {&urgent_, &long_})
    if (const auto place = std::find(queue->begin(), queue->end(), job); place != queue->end()) queue->erase(place), job->state = "cancelled", job->task = nullptr;
  changed_.notify_all();
}

void Jobs::work(Queue& queue) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return ending_ || !queue.empty(); });
    if (ending_) return;
    const std::shared_ptr<Job> job = queue.front();
    queue.pop_front();
    job->state = "working", job->begun = Clock::now();
    lock.unlock();
    std::string state = "done", trouble;
    Json result;
    try {
      result = job->task(*job);
    } catch (const GivenUp&) {
      state = "cancelled";
    } catch (const std::exception& e) {
      state = "failed", trouble = e.what();
    }
    job->task = nullptr;                                  // and the pictures that it held
    lock.lock();
    job->state = state, job->error = trouble, job->result = std::move(result), job->done = 1;
    job->seconds = std::chrono::duration<double>(Clock::now() - job->begun).count();
    changed_.notify_all();
  }
}

}  // namespace weft::apps::studio
