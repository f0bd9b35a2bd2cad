// What lies in the studio: pictures that were brought, by the sum of their bytes, and results. All of it is in one folder:
//   OUT/inputs/SUM.png     pictures that were brought, byte for byte, so that a command can name them
//   OUT/history/TIME.png   the last results, each with its settings
//   OUT/NAME.png           what was saved
// A client names pictures by their sum or by a name that was listed to it; no name of a file ever comes from outside.
#pragma once
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../json.h"
#include "weft/gan/image.h"

namespace weft::apps::studio {

using Picture = std::shared_ptr<const gan::Image>;

/// All bytes of a file; empty if it cannot be read.
std::string read_whole(const std::filesystem::path& file);

/// What lies deeper than eight levels is left out: copying a thousand of them would take more stack than a thread has. Discarded if it is no JSON.
Json parse_json(const std::string& text);

/// The settings in a PNG's text, whether the studio wrote it or `weft transfer`; null if it has none that can be read.
Json settings_of_png(const std::filesystem::path& png);

class Shelf {
 public:
  /// Makes the folders. Throws IoError.
  explicit Shelf(const std::filesystem::path& out);

  /// @param keep  whether it goes to the disk at once; if not, when a file of it is asked for
  /// Returns {"id", "name", "width", "height"}, and "settings" if the picture is one of the studio's. Throws FormatError for what is no picture.
  Json add(const std::string& bytes, const std::string& name, bool keep = true);
  /// A mask of any size, kept as grey of the size of the picture `content`, which the page need not have painted it in.
  Json add_mask(const std::string& bytes, const std::string& content);
  /// Throws DataError if there is no such picture (any more).
  Picture image(const std::string& id);
  /// The same, its longer side at most `side`.
  Picture image(const std::string& id, int side);
  /// Where its bytes are.
  std::filesystem::path file(const std::string& id);
  std::string name(const std::string& id);

  /// Keeps a result, and forgets the oldest of them beyond some number. Returns its name.
  std::string remember(const std::string& png);
  std::vector<std::string> history() const;                     // newest first
  /// Of history(). Throws DataError for any other name.
  std::filesystem::path result(const std::string& name) const;
  /// It as a small PNG, kept for the next time.
  std::string thumbnail(const std::string& name, int side);
  /// Into a file in OUT that was not there yet, "dressed-001.png". Returns which.
  std::filesystem::path save(const std::string& bytes, const std::string& stem);
  const std::filesystem::path& folder() const { return out_; }

 private:
  struct Kept { std::string name, bytes; std::filesystem::path file; };
  struct Decoded { std::string key; Picture picture; };
  Picture decoded(const std::string& key, const std::function<gan::Image()>& make);
  Kept& there(const std::string& id);                           // under the lock

  std::filesystem::path out_;
  std::mutex decoding_;                                         // one at a time: a picture of 64 Mi pixels is 200 MB, and forty are asked for at once
  std::mutex saving_;                                           // one at a time: two must not choose the same new name
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;
  std::list<std::string> in_memory_;                            // those without a file, oldest first
  std::list<Decoded> decoded_;                                  // last used first
  size_t decoded_bytes_ = 0;
};

}  // namespace weft::apps::studio
