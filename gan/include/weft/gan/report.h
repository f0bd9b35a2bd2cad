// A page that tells of a run: one HTML file that needs nothing beside it, for a browser, a phone or a printer, light or dark.
// Every command that reports builds it here, so that all pages look alike.
#pragma once
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "weft/gan/image.h"

namespace weft::gan {

struct Series {
  std::string name;
  std::vector<double> x, y;                  // as many of both, x rising; a y that is not finite is a gap
};

struct Chart {
  std::string title, note;                   // note: how to read it
  std::vector<Series> series;                // up to 6 have a colour of their own
  bool logarithmic = false;                  // y; values of 0 and below are gaps then
  struct Mark { double y; std::string name; };
  std::vector<Mark> marks;                   // dashed lines across
};

struct PictureFile {
  std::filesystem::path file;                // of any kind that read_image knows
  std::string caption;
};

class Report {
 public:
  /// All text given to this class is plain text: it is escaped here.
  Report(const std::string& title, const std::string& subtitle);

  void section(const std::string& heading);
  void paragraph(const std::string& text);
  /// A paragraph that leads to a page beside this one.
  void link(const std::string& file, const std::string& text);
  /// Large figures in a row, each over its name.
  void figures(const std::vector<std::pair<std::string, std::string>>& name_and_value);
  /// @param fold  if not empty, the table is folded away behind these words
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows, const std::string& fold = "");
  /// Preformatted text, up to its first 64 KiB.
  void code(const std::string& text);
  /// Each series is drawn by at most 600 points, the lowest and the highest of every stretch, so that no spike is lost.
  void chart(const Chart& chart);
  /// Pictures in a row, each over its caption, as far as the page is wide; then in the next row.
  void side_by_side(const std::vector<std::pair<std::string, Image>>& caption_and_picture);
  /// Pictures in order of time: the last one large, all of them on a strip to choose from. One that cannot be read is left out,
  /// and the page says so. One gallery a page.
  void gallery(std::vector<PictureFile> pictures);

  /// The page. Pictures are scaled to the screen, and thinned out evenly, first and last always kept, until all of it has at
  /// most `limit` bytes; text and charts are never cut.
  std::string html(size_t limit = 5'000'000) const;

 private:
  std::string gallery_html(size_t room) const;

  std::string title_, body_;
  std::vector<PictureFile> pictures_;
  size_t gallery_at_ = 0;                    // its place in the body
};

/// For use in HTML text and attributes. What is no UTF-8, and control characters, become U+FFFD.
std::string escaped_for_html(const std::string& text);

/// A number as std::printf has it.
std::string print(const char* format, double value);
/// A few significant digits: "0.6931", "1.2e-07", "nan".
std::string short_number(double value);

}  // namespace weft::gan
