#include "routes.h"

#include "weft/kernels/error.h"

namespace weft::apps::studio {

extern const char* const page_html;              // put into the program by CMake
extern const char* const page_css;
extern const char* const page_js;
extern const char* const words_js;

namespace {

constexpr int64_t urgent_pixels = int64_t{4} << 20;

Response json(const Json& told) { return {200, "application/json", told.dump(-1, ' ', false, Json::error_handler_t::replace)}; }
Response png(std::string bytes) { return bytes.empty() ? Response{404, "", ""} : Response{200, "image/png", std::move(bytes)}; }

Json parsed(const std::string& body) {
  const Json asked = parse_json(body);
  if (!asked.is_object()) throw ConfigError("a JSON object was expected here");
  return asked;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, what.size(), by);
  return text;
}

/// "/api/runs/NAME" after "/api/runs/": its parts.
std::pair<std::string, std::string> split(const std::string& rest) {
  const size_t slash = rest.find('/');
  return {rest.substr(0, slash), slash == std::string::npos ? "" : rest.substr(slash + 1)};
}

int64_t number(const std::string& text) {
  if (text.empty() || text.size() > 12 || text.find_first_not_of("0123456789") != std::string::npos) throw ConfigError("a number was expected");
  return std::stoll(text);
}

}  // namespace

Studio::Studio(const std::string& token, const std::filesystem::path& out, const std::filesystem::path& runs, const std::string& device, int threads)
    : token_(token), shelf_(out), runs_(runs), quick_(Context::open(device, {.threads = threads})), slow_(Context::open(device, {.threads = threads})),
      dresser_(quick_, slow_, shelf_), garments_(quick_, shelf_) {
  device_ = quick_.describe();
  jobs_.add("warm-up", true, [this](Report&) { return dresser_.warm_up(), Json(nullptr); });
}

Response Studio::answer(const Request& request) {
  try {
    if (request.method == "GET") return get(request);
    const auto [kind, rest] = split(request.path.rfind("/api/", 0) == 0 ? request.path.substr(5) : "");
    if (request.method == "DELETE") return kind == "jobs" ? jobs_.cancel(rest), json({{"id", rest}}) : Response{404, "", ""};
    const Json told = post(request.path, request);
    return told.is_null() ? Response{404, "", ""} : json(told);
  } catch (const Json::exception& e) {
    throw ConfigError(std::string("what was sent cannot be read: ") + e.what());
  }
}

Response Studio::get(const Request& request) {
  if (request.path == "/") return {200, "text/html; charset=utf-8", replaced(page_html, "{{token}}", token_)};
  if (request.path == "/page.css") return {200, "text/css; charset=utf-8", page_css};
  if (request.path == "/page.js") return {200, "text/javascript; charset=utf-8", page_js};
  if (request.path == "/words.js") return {200, "text/javascript; charset=utf-8", words_js};
  if (request.path.rfind("/api/", 0) != 0) return {404, "", ""};
  const auto [kind, rest] = split(request.path.substr(5));
  const auto [name, more] = split(rest);
  if (kind == "state") return json({{"out", shelf_.folder().string()}, {"device", device_}, {"history", shelf_.history()}, {"choices", Runs::choices()}});
  if (kind == "jobs") return job(request, rest);
  if (kind == "history" && rest.empty()) return json({{"history", shelf_.history()}});
  if (kind == "history" && more == "settings") return json({{"settings", settings_of_png(shelf_.result(name))}});
  if (kind == "history") {
    Response whole = png(read_whole(shelf_.result(name)));
    if (request["download"] == "1") whole.file_name = "dressed-" + name;
    return request["side"].empty() ? whole : png(shelf_.thumbnail(name, int(std::min<int64_t>(1024, number(request["side"])))));
  }
  if (kind == "pictures") {
    const std::string side = request["side"];
    Response picture = png(gan::encode_png(side.empty() ? *shelf_.image(name) : *shelf_.image(name, int(std::max<int64_t>(1, std::min<int64_t>(2048, number(side)))))));
    if (request["download"] == "1") picture.file_name = "studio.png";
    return picture;
  }
  if (kind == "runs" && rest.empty()) return json({{"runs", runs_.list()}});
  if (kind == "runs" && more.empty()) return json(runs_.watch(name));
  if (kind == "runs" && split(more).first == "sheets") return png(runs_.sheet(name, number(split(more).second)));
  return {404, "", ""};
}

Response Studio::job(const Request& request, const std::string& rest) {
  const auto [id, more] = split(rest);
  if (more == "picture") return png(jobs_.picture(id));
  const Json status = jobs_.status(id, std::chrono::milliseconds(request["wait"].empty() ? 0 : std::min<int64_t>(5000, number(request["wait"]))));
  return status.is_null() ? Response{404, "", ""} : json(status);
}

Json Studio::post(const std::string& path, const Request& request) {
  if (path == "/api/pictures") return shelf_.add(request.body, request["name"]);
  if (path == "/api/masks") return shelf_.add_mask(request.body, request["content"]);
  const Json asked = parsed(request.body);
  if (path == "/api/jobs") return {{"id", begin(asked.at("kind"), asked.value("asked", Json::object()))}};
  if (path == "/api/command") return {{"command", dresser_.command(dress_of(asked), shelf_.folder() / "dressed.png")}};
  if (path == "/api/save") {                                 // of the history, or a picture on the shelf
    const std::string result = asked.value("result", ""), id = asked.value("id", "");
    const std::string bytes = read_whole(result.empty() ? shelf_.file(id) : shelf_.result(result));
    return {{"file", shelf_.save(bytes, result.empty() ? std::filesystem::path(shelf_.name(id)).stem().string() : "dressed").string()}};
  }
  if (path == "/api/runs") return runs_.begin(asked);
  if (path == "/api/runs/pause") return runs_.pause(asked.at("name")), Json{{"name", asked.at("name")}};
  if (path == "/api/runs/go-on") return runs_.go_on(asked.at("name"), asked.value("steps", int64_t{0}));
  return nullptr;
}

std::string Studio::begin(const std::string& kind, const Json& asked) {
  const auto add = [&](bool urgent, Jobs::Task task) { return jobs_.add(kind, urgent, std::move(task)); };
  if (kind == "look" || kind == "dress") {
    const Dress dress = dress_of(asked);
    if (kind == "look") return add(true, [this, dress](Report& r) { return dresser_.look(dress, r); });
    return add(false, [this, dress](Report& r) { return dresser_.make(dress, r); });
  }
  if (kind == "draw") return add(true, [=, this](Report&) { return draw(quick_, shelf_, asked); });
  const auto small = [&] {                                   // looks do not wait for a large one
    const Picture picture = shelf_.image(asked.at("id"));
    return int64_t{picture->height} * picture->width <= urgent_pixels;
  };
  if (kind == "tile") {
    const bool urgent = !asked.value("whole", false) || small();
    return add(urgent, [=, this](Report&) { return tile(urgent ? quick_ : slow_, shelf_, asked); });
  }
  if (kind == "cloth") return add(true, [=, this](Report&) { return cloth_of(quick_, shelf_, asked); });
  if (kind == "palette") return add(true, [=, this](Report&) { return palette(shelf_, asked); });
  if (kind == "recolour") return add(small(), [=, this](Report& r) { return recolour(shelf_, asked, r); });
  if (kind == "garments" || kind == "pick") {
    const std::string run = asked.at("run");
    const std::filesystem::path folder = runs_.find(run);
    if (kind == "pick") return add(true, [=, this](Report&) { return garments_.pick(folder, run, asked); });
    return add(true, [=, this](Report&) { return garments_.sheet(folder, asked); });
  }
  throw ConfigError("there is no job '" + kind + "'");
}

}  // namespace weft::apps::studio
