// The settings of a training run: one list of names, ranges and help, which the flags of `weft train`, --config, --set and
// --print-config all read.
#pragma once
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "weft/gan/run_report.h"
#include "weft/gan/trainer.h"

namespace weft::apps {

using gan::TrainSettings;

using Field = std::variant<std::string TrainSettings::*, int TrainSettings::*, int64_t TrainSettings::*,
                           uint64_t TrainSettings::*, double TrainSettings::*, bool TrainSettings::*>;

struct Setting {
  const char* key;             // "data.root": in a TOML file the table [data], in --set the whole
  const char* flag;            // of `weft train`; empty: by --set and --config only
  const char* value;           // what follows the flag, in the help
  Field field;
  const char* help;
  double low = 0, high = 0;    // of a number, both ends in
  const char* choices = "";    // of a name: "adam|sgd"; empty: any text
  bool may_change = false;     // on --resume: it does not enter the result
  bool repeats = false;        // the flag may come several times: a list with commas
};

const std::vector<Setting>& settings_list();

/// Throws ConfigError with a suggestion if there is none of that key. `where` opens the message: "file.toml:3:1: ".
const Setting& find_setting(const std::string& key, const std::string& where);

enum class TextKind { bare, string, integer, real, boolean };   // bare: from the command line, where all is text

/// Reads `text` into the setting's field. `name` is what the person called it. Throws ConfigError.
void assign(TrainSettings& settings, const Setting& setting, const std::string& text, TextKind kind, const std::string& name);

/// "key=value", as after --set.
void assign_pair(TrainSettings& settings, const std::string& pair);

/// Gives the augmentation settings the values of the preset that data.augment names.
void apply_preset(TrainSettings& settings);

/// Reads a TOML file: unknown keys and wrong types are errors with line and column.
void read_config_file(TrainSettings& settings, const std::string& path);
/// The same from memory; `path` is for the messages.
void read_config_text(TrainSettings& settings, std::string_view text, const std::string& path);

/// All settings as TOML, with their help as comments; reading it gives the same settings.
std::string to_toml(const TrainSettings& settings);

/// Each setting's key and value, as a run keeps and compares them; and back, into `settings`.
std::vector<gan::ConfigLine> config_lines(const TrainSettings& settings);
void assign_lines(TrainSettings& settings, const std::vector<gan::ConfigLine>& lines);

/// Every setting with its default and its help, for the report of a run.
std::vector<gan::KnownSetting> known_settings();

/// " [64]", for help; nothing for what is empty or 0.
std::string default_note(const Setting& setting);

/// As short as it can be said without a loss.
std::string number_text(double value);

/// A whole number from the command line. Throws ConfigError that names it and its range.
int64_t parse_integer(const std::string& name, const std::string& text, int64_t low, int64_t high);
double parse_number(const std::string& name, const std::string& text, double low, double high);

}  // namespace weft::apps
