// Settings from text and to text.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "settings.h"

namespace weft::apps {

std::string number_text(double v) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

namespace {

std::string whole(double v) { return number_text(v).find('e') == std::string::npos ? number_text(v) : std::to_string(static_cast<int64_t>(v)); }

[[noreturn]] void refuse(const std::string& name, const std::string& text, const std::string& wanted) {
  throw ConfigError(name + " is '" + text + "', but it must be " + wanted);
}

/// The whole text as a number of type T within [low, high]; NaN fails.
template <class T>
T parse(const std::string& name, const std::string& text, double low, double high) {
  constexpr bool is_whole = std::is_integral_v<T>;
  const std::string kind = is_whole ? "a whole number" : "a number";
  const std::string bounds = is_whole ? whole(low) + " to " + whole(high) : number_text(low) + " to " + number_text(high);
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' && text[1] != '-');
  T value{};
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  const bool read = error == std::errc() && end == text.data() + text.size();
  if (!read || !(static_cast<double>(value) >= low && static_cast<double>(value) <= high))
    refuse(name, text, kind + " from " + bounds);
  return value;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    char code[8];
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::snprintf(code, sizeof code, "\\u%04X", c), out += code;
    else out += c;
  }
  return out + '"';
}

/// A bare value may stand in quotes, as it would in a file.
std::string unquoted(const std::string& text) {
  const bool in_quotes = text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
  return in_quotes ? text.substr(1, text.size() - 2) : text;
}

template <class T>
constexpr TextKind kind_of = std::is_same_v<T, std::string> ? TextKind::string : std::is_same_v<T, bool> ? TextKind::boolean
                             : std::is_integral_v<T> ? TextKind::integer : TextKind::real;

/// What must have come, for a message.
const char* what_of(TextKind kind) {
  switch (kind) {
    case TextKind::string: return "text, in quotes";
    case TextKind::boolean: return "true or false, without quotes";
    case TextKind::integer: return "a whole number, without quotes";
    default: return "a number, without quotes";
  }
}

void expect_choice(const std::string& value, const Setting& setting, const std::string& name) {
  const std::vector<std::string> choices = gan::parts_of(setting.choices, '|');
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
    refuse(name, value, "one of " + gan::listed(choices) + gan::suggestion(value, choices));
}

std::string toml_value(const TrainSettings& settings, const Setting& setting) {
  return std::visit([&](auto field) -> std::string {
    const auto& value = settings.*field;
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) return quoted(value);
    else if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
    else if constexpr (std::is_integral_v<T>) return std::to_string(value);
    else return number_text(value) + (number_text(value).find_first_of(".e") == std::string::npos ? ".0" : "");
  }, setting.field);
}

/// "48x32": the width, then the height, as the shorter side and the longer one.
void assign_sides(TrainSettings& settings, const Setting& setting, const std::string& text, const std::string& name) {
  const size_t by = text.find('x');
  const int width = parse<int>(name, text.substr(0, by), setting.low, setting.high), height = parse<int>(name, text.substr(by + 1), setting.low, setting.high);
  settings.size = std::min(width, height), settings.across = width > height ? width : 0, settings.high = height > width ? height : 0;
}

}  // namespace

void assign(TrainSettings& settings, const Setting& setting, const std::string& text, TextKind kind, const std::string& name) {
  if (setting.key == std::string_view("model.size") && unquoted(text).find('x') != std::string::npos) return assign_sides(settings, setting, unquoted(text), name);
  std::visit([&](auto field) {
    auto& value = settings.*field;
    using T = std::decay_t<decltype(value)>;
    const bool widened = kind_of<T> == TextKind::real && kind == TextKind::integer;
    if (kind != TextKind::bare && kind != kind_of<T> && !widened) refuse(name, text, what_of(kind_of<T>));
    if constexpr (std::is_same_v<T, std::string>) {
      const std::string given = kind == TextKind::bare ? unquoted(text) : text;
      expect_choice(given, setting, name);
      value = given;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (text != "true" && text != "false") refuse(name, text, "true or false");
      value = text == "true";
    } else {
      value = parse<T>(name, text, setting.low, setting.high);
    }
  }, setting.field);
}

void assign_pair(TrainSettings& settings, const std::string& pair) {
  const size_t equals = pair.find('=');
  if (equals == std::string::npos) throw ConfigError("--set " + pair + ": expected key=value, as in --set train.batch=32");
  const std::string key = pair.substr(0, equals);
  assign(settings, find_setting(key, "--set: "), pair.substr(equals + 1), TextKind::bare, key);
}

std::string to_toml(const TrainSettings& settings) {
  std::string text, table;
  for (const Setting& s : settings_list()) {
    const std::string key = s.key, in = key.substr(0, key.find('.'));
    if (in != table) text += (text.empty() ? "[" : "\n[") + in + "]\n";
    table = in;
    std::string line = key.substr(in.size() + 1) + " = " + toml_value(settings, s);
    line += std::string(line.size() < 36 ? 36 - line.size() : 1, ' ') + "# " + s.help;
    if (*s.choices && std::string(s.help).find(s.choices, 0, 3) == std::string::npos) line += std::string(": ") + s.choices;
    text += line + "\n";
  }
  return text;
}

namespace {

/// A value as people type it.
std::string plain_value(const TrainSettings& settings, const Setting& setting) {
  const auto* text = std::get_if<std::string TrainSettings::*>(&setting.field);
  return text ? settings.**text : toml_value(settings, setting);
}

}  // namespace

std::vector<gan::ConfigLine> config_lines(const TrainSettings& settings) {
  std::vector<gan::ConfigLine> lines;
  const bool waves_open = settings.model == "mlp" && settings.form == "relu" && settings.waves > 0;
  for (const Setting& s : settings_list()) {
    const bool is_steps = std::string(s.key) == "train.steps", on_a_way = settings.schedule != "constant" || settings.penalty_end != 1 || waves_open;   // it enters the result
    lines.push_back({s.key, plain_value(settings, s), s.may_change && !(is_steps && on_a_way), plain_value(TrainSettings{}, s)});
  }
  return lines;
}

std::vector<gan::KnownSetting> known_settings() {
  std::vector<gan::KnownSetting> all;
  for (const Setting& s : settings_list()) all.push_back({s.key, plain_value(TrainSettings{}, s), s.help});
  return all;
}

void assign_lines(TrainSettings& settings, const std::vector<gan::ConfigLine>& lines) {
  for (const gan::ConfigLine& line : lines) {
    const Setting& s = find_setting(line.key, "the stored run: ");
    const bool text = std::holds_alternative<std::string TrainSettings::*>(s.field);
    assign(settings, s, line.value, text ? TextKind::string : TextKind::bare, line.key);
  }
}

std::string default_note(const Setting& setting) {
  const std::string value = unquoted(toml_value(TrainSettings{}, setting));
  return value.empty() || value == "0" || value == "0.0" || value == "false" ? "" : " [" + value + "]";
}

int64_t parse_integer(const std::string& name, const std::string& text, int64_t low, int64_t high) {
  return parse<int64_t>(name, text, static_cast<double>(low), static_cast<double>(high));
}

double parse_number(const std::string& name, const std::string& text, double low, double high) { return parse<double>(name, text, low, high); }

}  // namespace weft::apps
