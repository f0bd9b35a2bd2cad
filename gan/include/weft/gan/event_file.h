// TensorBoard's event files: `tensorboard --logdir RUN` shows the curves and sample sheets of a run.
// A file is records, each: length (u64), masked CRC-32C of the length, a protobuf message `Event`, masked CRC-32C of it.
//   Format: tensorflow/tensorboard, compat/proto/{event,summary}.proto
#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>

#include "weft/tensor/durable_file.h"

namespace weft::gan {

class EventFile {
 public:
  /// Opens a new file in `folder`, which must be there; never one that is there already: after a crash its end may be torn,
  /// and TensorBoard stops reading at the tear. The new one's name sorts after all others, also if the clock was set back.
  /// @param steps_done  of a run that goes on; TensorBoard hides what older files hold of later steps
  /// Throws IoError, as do the others.
  explicit EventFile(const std::filesystem::path& folder, int64_t steps_done = 0);
  ~EventFile();                              // flushes; what fails then is lost

  void scalar(const std::string& tag, int64_t step, double value);    // kept as float32; NaN and infinity as they are
  /// @param png  a whole PNG file, `channels` 1 (grey) or 3
  void image(const std::string& tag, int64_t step, const std::string& png, int height, int width, int channels);

  void flush();                              // to the system; by itself every few seconds and every MiB
  void commit();                             // flush and fsync

 private:
  void record(const std::string& event);
  std::unique_ptr<DurableFile> file_;
  std::string waiting_;
  std::chrono::steady_clock::time_point flushed_ = std::chrono::steady_clock::now();
};

struct EventSeries {
  int64_t count = 0, first_step = 0, last_step = 0;
  float last_value = 0;                      // of scalars
  bool images = false;
};

struct EventFileContents {
  std::map<std::string, EventSeries> series; // by tag
  int64_t records = 0;
  bool torn = false;                         // ends, or is damaged, in the midst of a record: what stands before it is here
};

/// What a file holds, read from end to end with every sum checked; of any size and however hostile.
/// Throws DataError if there is no such file, FormatError if it does not begin as an event file.
EventFileContents read_event_file(const std::filesystem::path&);
EventFileContents read_event_file(std::istream& in, const std::string& what);   // `what`: its name in messages

}  // namespace weft::gan
