#include "weft/gan/report.h"

#include <algorithm>
#include <map>

#include "report_parts.h"
#include "weft/gan/image.h"
#include "weft/gan/provenance.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int view_side = 1200, strip_side = 512;            // pixels, of the large picture and of those on the strip
constexpr size_t view_bytes = 1'000'000, strip_bytes = 500'000, strip_most = 60;
constexpr size_t code_bytes = 64 << 10;

std::string base64(const std::string& bytes) {
  const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) three = three << 8 | (i + k < bytes.size() ? uint8_t(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : digits[three >> (18 - 6 * k) & 63];
  }
  return text;
}

/// <img> with the picture in it, made smaller until neither its sides nor its bytes are too many.
std::string picture_html(Image image, int most_side, size_t most_bytes, const std::string& caption) {
  const auto shrink = [&](double factor) {
    image = resized(image, std::max(1, int(image.height * factor)), std::max(1, int(image.width * factor)));
  };
  if (const int largest = std::max(image.height, image.width); largest > most_side) shrink(double(most_side) / largest);
  std::string png = encode_png(image);
  for (; png.size() > most_bytes && std::max(image.height, image.width) > 64; png = encode_png(image)) shrink(0.7);
  const int zoom = std::max(1, 760 / std::max(1, image.width));      // small ones in whole multiples, so that pixels stay square
  return "<img alt=\"" + escaped_for_html(caption) + "\" width=\"" + std::to_string(image.width * zoom) + "\" height=\"" + std::to_string(image.height * zoom) +
         "\" src=\"data:image/png;base64," + base64(png) + "\">";
}

}  // namespace

std::string escaped_for_html(const std::string& text) {
  const bool utf8 = is_utf8(text);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f || (byte > 0x7f && !utf8)) out += "\xef\xbf\xbd";
        else out += c;
    }
  }
  return out;
}

Report::Report(const std::string& title, const std::string& subtitle) : title_(title) {
  body_ = "<header><h1>" + escaped_for_html(title) + "</h1><p>" + escaped_for_html(subtitle) + "</p></header>\n";
}

void Report::section(const std::string& heading) { body_ += "<h2>" + escaped_for_html(heading) + "</h2>\n"; }
void Report::paragraph(const std::string& text) { body_ += "<p>" + escaped_for_html(text) + "</p>\n"; }

void Report::link(const std::string& file, const std::string& text) {
  body_ += "<p><a href=\"" + escaped_for_html(file) + "\">" + escaped_for_html(text) + "</a></p>\n";
}

void Report::figures(const std::vector<std::pair<std::string, std::string>>& all) {
  std::string html = "<dl class=\"figures\">";
  for (const auto& [name, value] : all) html += "<div><dt>" + escaped_for_html(name) + "</dt><dd>" + escaped_for_html(value) + "</dd></div>";
  body_ += html + "</dl>\n";
}

void Report::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows, const std::string& fold) {
  std::string html = "<div class=\"wide\"><table>";
  const auto row = [&](const std::vector<std::string>& cells, const char* open, const char* close) {
    html += "<tr>";
    for (const std::string& cell : cells) html += open + escaped_for_html(cell) + close;
    html += "</tr>\n";
  };
  if (!header.empty()) row(header, "<th>", "</th>");
  for (const auto& cells : rows) row(cells, "<td>", "</td>");
  html += "</table></div>\n";
  body_ += fold.empty() ? html : "<details><summary>" + escaped_for_html(fold) + "</summary>" + html + "</details>\n";
}

void Report::code(const std::string& text) {
  size_t size = std::min(text.size(), code_bytes);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;   // not in the midst of a letter
  const std::string shown = escaped_for_html(text.substr(0, size)) + (size < text.size() ? "\n…" : "");
  body_ += "<pre>" + shown + "</pre>\n";
}

void Report::chart(const Chart& chart) { body_ += chart_html(chart); }

void Report::side_by_side(const std::vector<std::pair<std::string, Image>>& pictures) {
  std::string html = "<div class=\"row\">";
  for (const auto& [caption, picture] : pictures)
    html += "<figure class=\"view\">" + picture_html(picture, strip_side, strip_bytes, caption) + "<figcaption>" + escaped_for_html(caption) + "</figcaption></figure>";
  body_ += html + "</div>\n";
}

void Report::gallery(std::vector<PictureFile> pictures) {
  pictures_ = std::move(pictures);
  gallery_at_ = body_.size();
}

std::string Report::gallery_html(size_t room) const {
  std::map<size_t, std::string> made;        // by place among all; empty: cannot be read
  const auto on_strip = [&](size_t i) -> const std::string& {
    const auto it = made.find(i);
    if (it != made.end()) return it->second;
    std::string html;
    try {
      html = "<button type=\"button\">" + picture_html(read_image(pictures_[i].file), strip_side, strip_bytes, pictures_[i].caption) + "<span>" +
             escaped_for_html(pictures_[i].caption) + "</span></button>";
    } catch (const Error&) {}
    return made[i] = html;
  };

  size_t last = pictures_.size();
  std::string view;
  while (last > 0 && view.empty()) {
    try {
      const PictureFile& p = pictures_[--last];
      view = "<figure class=\"view\">" + picture_html(read_image(p.file), view_side, view_bytes, p.caption) + "<figcaption>" + escaped_for_html(p.caption) + "</figcaption></figure>";
    } catch (const Error&) {}
  }
  if (view.empty()) return pictures_.empty() ? "" : "<p class=\"note\">None of the pictures can be read.</p>\n";

  std::string strip;
  size_t shown = std::min(last + 1, strip_most);
  for (; shown >= 2; shown = shown > 2 ? std::max<size_t>(2, shown * 3 / 4) : 0) {
    strip.clear();
    for (size_t k = 0; k < shown; ++k) strip += on_strip(k * last / (shown - 1));
    if (view.size() + strip.size() <= room) break;
  }
  size_t broken = pictures_.size() - 1 - last;
  for (const auto& [i, html] : made) broken += html.empty();
  std::string note;
  if (shown >= 2 && shown < last + 1) note = "<p class=\"note\">" + std::to_string(shown) + " of " + std::to_string(last + 1) + " pictures, evenly over time.</p>\n";
  if (broken) note += "<p class=\"note\">" + std::to_string(broken) + (broken == 1 ? " picture" : " pictures") + " could not be read.</p>\n";
  return "<div class=\"gallery\">" + view + (shown < 2 ? "" : "<input type=\"range\" aria-label=\"over time\" hidden><div class=\"strip\">" + strip + "</div>") + "</div>\n" + note;
}

std::string Report::html(size_t limit) const {
  const std::string head = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';img-src data:;style-src 'unsafe-inline';script-src 'unsafe-inline'\">"
                           "<title>" + escaped_for_html(title_) + "</title>\n<style>" + page_style + "</style></head><body><main>\n";
  const std::string foot = "<footer>Made by weft " WEFT_VERSION ".</footer></main>\n<script>" + std::string(page_script) + "</script></body></html>\n";
  const size_t text = head.size() + body_.size() + foot.size();
  return head + body_.substr(0, gallery_at_) + gallery_html(limit > text ? limit - text : 0) + body_.substr(gallery_at_) + foot;
}

}  // namespace weft::gan
