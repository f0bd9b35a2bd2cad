#include "weft/gan/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "weft/kernels/error.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {

struct Loader::State {
  std::shared_ptr<Dataset> data;
  LoaderOptions options;
  std::unique_ptr<Augmenter> augment;
  Cursor given;                                  // where next() has got to
  double waited = 0;
  bool waited_once = false;
  Batch current;
  int64_t first = 0;                             // of endless data, where this seed begins

  std::mutex mutex;                              // guards the four below
  std::condition_variable changed;
  std::deque<Batch> ready, free;
  std::exception_ptr error;                      // comes after what is ready
  bool stop = false;
  std::thread thread;

  void start() {
    stop = false;
    error = nullptr;
    for (; !ready.empty(); ready.pop_front()) free.push_back(std::move(ready.front()));
    free.resize(size_t(std::max(1, options.ahead)));         // an error may have taken one
    thread = std::thread([this, from = given] { work(from); });
  }

  void halt() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    if (thread.joinable()) thread.join();
  }

  void work(Cursor at) {
    try {
      std::vector<int64_t> order = draws(at.epoch);
      for (;;) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || !free.empty(); });
        if (stop) return;
        Batch batch = std::move(free.front());
        free.pop_front();
        lock.unlock();

        fill(batch, at, order);

        lock.lock();
        ready.push_back(std::move(batch));
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
      changed.notify_all();
    }
  }

  void fill(Batch& batch, Cursor& at, std::vector<int64_t>& order) {
    const size_t image = size_t(data->height()) * size_t(data->width()) * size_t(data->channels());
    batch.images.resize(size_t(options.batch) * image);
    batch.labels.resize(size_t(options.batch));
    for (size_t b = 0; b < size_t(options.batch); ++b) {
      float* out = batch.images.data() + b * image;
      batch.labels[b] = data->read(data->endless() ? first + at.epoch * data->size() + at.position : order[size_t(at.position)], out);
      (*augment)(out, at.epoch, at.position);
      if (++at.position == data->size()) {
        at = {at.epoch + 1, 0};
        order = draws(at.epoch);
      }
    }
  }

  std::vector<int64_t> draws(int64_t epoch) const {
    return data->endless() ? std::vector<int64_t>() : epoch_draws(*data, options.sampling, options.seed, epoch, options.batch);
  }
};

Loader::Loader(std::shared_ptr<Dataset> data, const LoaderOptions& options, Cursor from) : state_(std::make_unique<State>()) {
  if (!data) throw ConfigError("a loader without a data set; open_dataset opens one");
  if (options.batch < 1) throw ConfigError("batch = " + std::to_string(options.batch) + " has no images");
  const std::string what = data->units().one.empty() ? "picture" : "point";
  if (options.batch > data->size())
    throw ConfigError("batch = " + std::to_string(options.batch) + " is larger than the data set of " + std::to_string(data->size()) + " " + what +
                      (data->size() == 1 ? "" : "s") + "; take --batch " + std::to_string(data->size()) + " or less, or more " + what + "s");
  if (!what.compare("point") && options.augment.alters()) throw ConfigError("points cannot be altered at random as pictures are; leave data.augment and its parts alone");
  if (!data->endless()) epoch_draws(*data, options.sampling, options.seed, 0);     // refuses here what the thread would refuse later
  state_->first = int64_t(stream_key(options.seed, "data.order") >> 2);
  state_->augment = std::make_unique<Augmenter>(options.augment, options.seed, data->height(), data->width(), data->channels());
  state_->data = std::move(data);
  state_->options = options;
  seek(from);
}

Loader::Loader(Loader&&) noexcept = default;

Loader::~Loader() {
  if (state_) state_->halt();
}

const Batch& Loader::next() {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  if (s.ready.empty() && !s.error) {
    const auto begin = std::chrono::steady_clock::now();
    s.changed.wait(lock, [&] { return !s.ready.empty() || s.error; });
    if (s.waited_once) s.waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  s.waited_once = true;
  if (s.ready.empty()) std::rethrow_exception(s.error);
  std::swap(s.current, s.ready.front());
  s.free.push_back(std::move(s.ready.front()));
  s.ready.pop_front();
  s.changed.notify_all();
  const int64_t position = s.given.position + s.options.batch;
  s.given = {s.given.epoch + position / s.data->size(), position % s.data->size()};
  return s.current;
}

Cursor Loader::cursor() const { return state_->given; }

void Loader::seek(Cursor to) {
  if (to.epoch < 0 || to.position < 0 || to.position >= state_->data->size())
    throw ConfigError("a data cursor at image " + std::to_string(to.position) + " of epoch " + std::to_string(to.epoch) + " does not fit a data set of " +
                      std::to_string(state_->data->size()) + "; is it another data set than before?");
  state_->halt();
  state_->given = to;
  state_->waited_once = false;
  state_->start();
}

double Loader::seconds_waited() const { return state_->waited; }

}  // namespace weft::gan
