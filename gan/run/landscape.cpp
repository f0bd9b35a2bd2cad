#include "weft/gan/landscape.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "report_parts.h"
#include "run_directory.h"
#include "weft/gan/points.h"
#include "weft/tensor/durable_file.h"

namespace weft::gan {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr int kCells = 64, kArrows = 16, kPoints = 1000;

/// A square, in the networks' units.
struct View { double x, y, half; };

std::vector<float> lattice(const View& v, int a_side) {
  std::vector<float> xy;
  for (int row = 0; row < a_side; ++row)                           // from the top
    for (int column = 0; column < a_side; ++column) {
      xy.push_back(float(v.x + v.half * ((2 * column + 1.0) / a_side - 1)));
      xy.push_back(float(v.y - v.half * ((2 * row + 1.0) / a_side - 1)));
    }
  return xy;
}

/// Numbers as whole ones from 0 to 255, between their 2nd and 98th of a hundred; what is not finite is 0.
Json levels(const std::vector<double>& values, double& low, double& high) {
  std::vector<double> sorted;
  for (const double v : values) if (std::isfinite(v)) sorted.push_back(v);
  std::sort(sorted.begin(), sorted.end());
  low = sorted.empty() ? 0 : sorted[sorted.size() / 50], high = sorted.empty() ? 1 : sorted[sorted.size() - 1 - sorted.size() / 50];
  Json list = Json::array();
  for (const double v : values) list.push_back(std::isfinite(v) ? int(std::lround(255 * std::clamp((v - low) / std::max(high - low, 1e-12), 0.0, 1.0))) : 0);
  return list;
}

/// The discriminator's logit on a fine lattice and its gradient on a coarse one: arrows of at most 100.
Json landscape(const Gan& gan, const View& v) {
  const Context context = gan.context();
  double low, high;
  Json result;
  {
    const NoGraph scope(context);
    result["logit"] = levels(gan.discriminator()(context.from(lattice(v, kCells), {kCells * kCells, 1, 1, 2})).values(), low, high);
  }
  result["low"] = low, result["high"] = high;
  const Context::Recording scope(context, true);
  const Tensor at = context.from(lattice(v, kArrows), {kArrows * kArrows, 1, 1, 2}).leaf();
  const std::vector<double> slope = grad(sum(gan.discriminator()(at)), {at})[0].values();
  double longest = 1e-12;
  for (size_t i = 0; i < slope.size(); i += 2) if (const double length = std::hypot(slope[i], slope[i + 1]); std::isfinite(length)) longest = std::max(longest, length);
  result["arrows"] = Json::array();
  for (const double s : slope) result["arrows"].push_back(std::isfinite(s) ? int(std::lround(100 * s / longest)) : 0);
  result["steepest"] = longest;
  return result;
}

/// x, y of each point, 0 to 65535 over a view.
Json places(const std::vector<float>& xy, const View& v) {
  Json list = Json::array();
  for (size_t i = 0; i + 1 < xy.size() && i < 2 * size_t(kPoints); i += 2) {
    const double across = (xy[i] - v.x) / v.half, up = (xy[i + 1] - v.y) / v.half;
    if (!(std::fabs(across) < 1 && std::fabs(up) < 1)) continue;
    list.push_back(int(32767.5 * (across + 1))), list.push_back(int(32767.5 * (1 - up)));
  }
  return list;
}

const char* const kStyle = R"css(
.views{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:1.5rem}.views figure{margin:0}
canvas{width:100%;height:auto;border:1px solid var(--rule);border-radius:4px;background:#fff}figcaption{color:var(--soft);font-size:.875rem}
.play{display:flex;flex-wrap:wrap;gap:1rem;align-items:center;margin:1.5rem 0}.play input{flex:1 1 14rem;margin:0}button{font:inherit;padding:.25rem 1rem}output{font-variant-numeric:tabular-nums;min-width:8rem}
)css";

const char* const kScript = R"js(
const all = JSON.parse(document.getElementById('frames').textContent), {cells, arrows} = all;
const range = document.querySelector('input[type=range]'), told = document.querySelector('output'), button = document.querySelector('button');
const shown = name => document.getElementById(name).checked, mix = (a, b, t) => a + (b - a) * t;
const colour = t => t < .5 ? [mix(70, 255, 2 * t), mix(105, 255, 2 * t), mix(180, 255, 2 * t)] : [mix(255, 225, 2 * t - 1), mix(255, 120, 2 * t - 1), mix(255, 60, 2 * t - 1)];
const dots = (g, view, list, style, size, side) => {
  g.fillStyle = style;
  const scale = view.of / view.half, [cx, cy] = [(view.x - view.ox) / view.of, (view.oy - view.y) / view.of];
  for (let i = 0; i < list.length; i += 2) {
    const x = ((list[i] / 32767.5 - 1 - cx) * scale + 1) / 2 * side, y = ((list[i + 1] / 32767.5 - 1 - cy) * scale + 1) / 2 * side;
    g.beginPath(), g.arc(x, y, size, 0, 7), g.fill();
  }
};
const draw = () => {
  const frame = all.frames[range.value];
  told.textContent = 'step ' + frame.step.toLocaleString('en');
  document.querySelectorAll('canvas').forEach((canvas, k) => {
    const g = canvas.getContext('2d'), side = canvas.width, v = frame.views[k], view = {...all.views[k], ox: all.views[0].x, oy: all.views[0].y, of: all.views[0].half};
    g.clearRect(0, 0, side, side);
    if (shown('heat')) {
      const small = new OffscreenCanvas(cells, cells), s = small.getContext('2d'), image = s.createImageData(cells, cells);
      v.logit.forEach((l, i) => image.data.set([...colour(l / 255), 255], 4 * i));
      s.putImageData(image, 0, 0), g.drawImage(small, 0, 0, side, side);
    }
    if (shown('real')) dots(g, view, all.real, 'rgba(60,60,60,.45)', k ? 4 : 2, side);
    if (shown('made')) dots(g, view, frame.made, 'rgba(10,70,200,.6)', k ? 4 : 2, side);
    if (shown('slope')) {
      g.strokeStyle = 'rgba(0,0,0,.65)', g.lineWidth = 1.5;
      const cell = side / arrows;
      for (let i = 0; i < arrows * arrows; ++i) {
        const dx = v.arrows[2 * i], dy = -v.arrows[2 * i + 1], length = Math.hypot(dx, dy);
        if (length < 2) continue;
        const x = (i % arrows + .5) * cell, y = (Math.floor(i / arrows) + .5) * cell, r = cell * (.15 + .35 * Math.sqrt(length / 100)), ux = dx / length, uy = dy / length;
        g.beginPath(), g.moveTo(x - r * ux, y - r * uy), g.lineTo(x + r * ux, y + r * uy);
        g.lineTo(x + r * ux - 5 * ux - 3 * uy, y + r * uy - 5 * uy + 3 * ux), g.moveTo(x + r * ux, y + r * uy), g.lineTo(x + r * ux - 5 * ux + 3 * uy, y + r * uy - 5 * uy - 3 * ux), g.stroke();
      }
    }
    canvas.nextElementSibling.lastChild.textContent = ' logit ' + v.low.toPrecision(3) + ' (blue) to ' + v.high.toPrecision(3) + ' (orange); steepest arrow ' + v.steepest.toPrecision(3);
  });
};
let timer = 0;
const stop = () => { clearInterval(timer), timer = 0, button.textContent = 'Play'; };
button.onclick = () => {
  if (timer) return stop();
  if (+range.value === +range.max) range.value = 0;
  button.textContent = 'Stop';
  timer = setInterval(() => { if (+range.value === +range.max) stop(); else ++range.value, draw(); }, 250);
};
range.max = all.frames.length - 1, range.value = range.max, range.oninput = draw;
document.querySelectorAll('input[type=checkbox]').forEach(c => c.onchange = draw);
draw();
)js";

std::string page(const Json& data) {
  const auto figure = [](const char* what) { return std::string("<figure><canvas width=640 height=640 role=img aria-label=\"") + what + "\"></canvas><figcaption><b>" + what + "</b><span></span></figcaption></figure>"; };
  const auto box = [](const char* id, const char* what) { return std::string("<label><input type=checkbox checked id=") + id + "> " + what + "</label>"; };
  return std::string("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>Landscape</title><style>") + page_style + kStyle +
         "</style><main><header><h1>What the discriminator thinks</h1><p>Colour: its logit, orange where it takes points for real sooner than elsewhere. Arrows: its gradient, along which made points are drawn. "
         "Grey: real points; blue: made ones.</p></header><div class=play><button type=button>Play</button><input type=range min=0 value=0 aria-label=\"step of the run\"><output></output></div><div class=play>" +
         box("heat", "logit") + box("slope", "gradient") + box("real", "real points") + box("made", "made points") + "</div><div class=views>" + figure("All of it.") + figure("One mode, near.") +
         "</div></main><script type=application/json id=frames>" + data.dump() + "</script><script>" + kScript + "</script></html>\n";
}

}  // namespace

void write_landscape(const fs::path& run, const Gan& gan, const Tensor& real) {
  if (!are_points(real) || gan.options().packing > 1) return;
  const std::vector<float> some = real.floats(), made = gan.sample(kPoints, gan.options().seed).floats();
  float farthest = 0;
  for (const float v : some) farthest = std::max(farthest, std::fabs(v));
  const View views[] = {{0, 0, 1.25 * farthest}, {some[0], some[1], 8 * gan.options().model.grain}};

  const fs::path folder = run / "landscape";
  make_directories(folder);
  Json frame = {{"step", gan.steps_done()}, {"made", places(made, views[0])}, {"views", Json::array()}};
  Json data = {{"cells", kCells}, {"arrows", kArrows}, {"real", places(some, views[0])}, {"views", Json::array()}, {"frames", Json::array()}};
  for (const View& v : views) {
    frame["views"].push_back(landscape(gan, v));
    data["views"].push_back({{"x", v.x}, {"y", v.y}, {"half", v.half}});
  }
  write_file_atomically(folder / (nn::checkpoint_name(gan.steps_done()) + ".json"), frame.dump());

  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::vector<Json> frames;
  for (const fs::path& file : files) {
    const Json one = read_json(file);
    if (!one.contains("step") || !one["step"].is_number_integer()) continue;
    if (one["step"].get<int64_t>() <= gan.steps_done()) frames.push_back(one);
    else fs::remove(file);
  }
  std::sort(frames.begin(), frames.end(), [](const Json& a, const Json& b) { return a["step"].get<int64_t>() < b["step"].get<int64_t>(); });
  for (Json& one : frames) data["frames"].push_back(std::move(one));
  write_file_atomically(run / "landscape.html", page(data));
}

}  // namespace weft::gan
