// The work of `weft transfer`: one picture, a sweep over a dial, or a sheet of all pairs; with progress, previews and an orderly stop.
#pragma once
#include "transfer_inputs.h"

namespace weft::apps {

/// All that is asked for: contents and styles are read, and every output looked at, before any work is done.
struct Session {
  Context context;
  std::vector<NamedPicture> contents;
  std::vector<NamedStyle> styles;
  gan::TransferJob job;                          // of content 0
  gan::TextChunks chunks;                        // for provenance(), and once all is read, what it made of them
  bool each_style = false;                       // on a sheet of its own column, instead of all together
  std::vector<gan::Image> before = {};           // contents as they were given, without what --blend laid over them: whose shading is kept, and what a report compares with
};

/// From now on the first SIGINT or SIGTERM ends the work with the picture so far, a second ends at once.
void stop_on_signals();
/// The signal that came; 0: none.
int stopped_by();

/// One picture. What it will take is said first. `preview`, if not empty, is a PNG rewritten about once a second.
gan::Image dressed(const Session& s, const gan::TransferJob& job, const std::string& title, const std::string& preview);
/// Five settings of a dial (structure, strength, brush) in a row, with captions. Throws before any work if one of them cannot be done.
gan::Image sweep(const Session& s, const std::string& dial, const std::string& preview);
/// Contents down the left, styles along the top, and every pair; 256 pixels each unless a size was asked for. Throws likewise, and where the
/// sheet would be larger than pictures may be.
gan::Image all_pairs(const Session& s, const std::string& preview);

}  // namespace weft::apps
