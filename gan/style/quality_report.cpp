#include "weft/gan/quality_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "weft/gan/report.h"
#include "weft/tensor/durable_file.h"

namespace weft::gan {
namespace {

using Json = nlohmann::ordered_json;

Json as_json(const Quality& q) {
  return {{"patch_distance", q.patches}, {"patch_distance_cosine", q.patches_cosine}, {"colour_distance", q.colours},
          {"structural_similarity", q.structure}, {"shading", q.shading}, {"copied_share", q.copied}};
}

double mean(const std::array<double, 3>& a) { return (a[0] + a[1] + a[2]) / 3; }
double change(double before, double after) { return before > 0 ? (after - before) / before : 0; }

/// Of a distance: how much of the way to the style is done.
std::string reached(double before, double after) { return print("%.0f %%", -100 * change(before, after)); }

using Row = std::vector<std::string>;
Row distance_row(const std::string& name, double before, double after, const std::string& meaning) {
  return {name, print("%.4f", before), print("%.4f", after), reached(before, after), meaning};
}
Row share_row(const std::string& name, double before, double after, const std::string& meaning) {
  return {name, print("%.2f", before), print("%.2f", after), "", meaning};
}

}  // namespace

Quality measure_quality(const Context& context, const Image& picture, const Image& content, const std::vector<Image>& styles) {
  const Image at_size = resized(content, picture.height, picture.width);
  Quality q{};
  q.patches = patch_distance(context, {picture}, styles);
  q.patches_cosine = patch_distance(context, {picture}, styles, FilterBank::cosine);
  q.colours = colour_distance(context, {picture}, styles);
  q.structure = structural_similarity(picture, at_size);
  q.shading = luminance_correlation(picture, at_size, std::max(picture.height, picture.width) / 32.0);
  for (const Image& style : styles) q.copied = std::max(q.copied, copied_share(context, picture, style));
  return q;
}

std::string quality_json(const Quality& before, const Quality& after) {
  const Json report = {{"before", as_json(before)},
                       {"after", as_json(after)},
                       {"change", {{"patch_distance", change(mean(before.patches), mean(after.patches))},
                                   {"patch_distance_cosine", change(mean(before.patches_cosine), mean(after.patches_cosine))},
                                   {"colour_distance", change(before.colours, after.colours)}}}};
  return report.dump(2) + "\n";
}

std::string quality_html(const DressedPicture& p, const Quality& before, const Quality& after) {
  Report page(p.title, "Content, style and result, and what was measured on them");
  std::vector<std::pair<std::string, Image>> pictures = {{"content", p.content}};
  for (const auto& [name, style] : p.styles) pictures.emplace_back("style: " + name, style);
  pictures.emplace_back("result", p.result);
  page.side_by_side(pictures);
  page.figures({{"of the way to the style's texture", reached(mean(before.patches), mean(after.patches))},
                {"of the way to its colours", reached(before.colours, after.colours)},
                {"structure kept", print("%.2f", after.structure)},
                {"light and shade kept", print("%.2f", after.shading)},
                {"copied from the style", print("%.0f %%", 100 * after.copied)}});
  page.section("What the figures mean");
  page.table({"", "content", "result", "way done", "for a designer"},
             {distance_row("Texture, fine", before.patches[0], after.patches[0], "Strokes and threads as they are seen close by: how far those of the picture are from the style's. 0 is the style itself."),
              distance_row("Texture, half size", before.patches[1], after.patches[1], "The same from a step back: small motifs, folds of paint."),
              distance_row("Texture, quarter size", before.patches[2], after.patches[2], "The same from across the room: large motifs and patches of colour. A high structure setting keeps these the content's."),
              distance_row("Texture, second opinion", mean(before.patches_cosine), mean(after.patches_cosine), "All three once more with a ruler that the method never saw while it worked, so that it cannot have been worked for."),
              distance_row("Colours", before.colours, after.colours, "Whether the same colours take up the same shares of the picture, wherever they lie."),
              share_row("Structure (SSIM)", before.structure, after.structure, "1 is the content itself. Above 0.5 the motif is plain to see, below 0.3 it takes a second look."),
              share_row("Light and shade", before.shading, after.shading, "1: light and dark areas lie where they lay. Above 0.9 folds of the cloth read as before."),
              share_row("Copied", before.copied, after.copied, "Share of the picture that is a piece of the style pasted in. Above 0.2 it is a collage more than a picture in that style.")});
  page.section("How it was made");
  page.code(p.command);
  page.paragraph("Texture: sliced Wasserstein distance of 7x7 patches, by 128 random filters, and by the 147 of a cosine transform as second opinion. Colours: the same "
                 "for single pixels. Light and shade: correlation of luminance, blurred by a 32nd of the longer side.");
  return page.html();
}

void write_quality_report(const Context& context, const DressedPicture& p, const std::filesystem::path& page) {
  std::vector<Image> styles;
  for (const auto& named : p.styles) styles.push_back(named.second);
  const Quality before = measure_quality(context, resized(p.content, p.result.height, p.result.width), p.content, styles);
  const Quality after = measure_quality(context, p.result, p.content, styles);
  write_file_atomically(page, quality_html(p, before, after));
  write_file_atomically(std::filesystem::path(page).replace_extension(".json"), quality_json(before, after));
}

}  // namespace weft::gan
