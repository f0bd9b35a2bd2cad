// The weft program: finds the subcommand, reads its arguments, and turns every error into a sentence and an exit code.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "command.h"
#include "json.h"
#include "weft/gan/objective.h"
#include "weft/gan/provenance.h"

namespace weft::apps {
namespace {

constexpr Command (*commands[])(const std::string&) = {train_command, generate_command, evaluate_command, project_command, trace_command, translate_command, transfer_command, recolor_command, tile_command, convert_vgg_command, verify_command, inspect_command, list_command, info_command, bench_command
#ifdef WEFT_HAS_STUDIO
    , studio_command
#endif
};

constexpr int exit_failed = 1, exit_usage = 2, exit_io = 74;

void add_argument(CLI::App& app, const Argument& a) {
  CLI::Option* option = nullptr;
  if (bool* const* on = std::get_if<bool*>(&a.into)) {
    option = app.add_flag(a.name, **on, a.help);
  } else if (auto* const* many = std::get_if<std::vector<std::string>*>(&a.into)) {
    option = app.add_option(a.name, **many, a.help)->allow_extra_args(false);
  } else {
    option = app.add_option(a.name, *std::get<std::string*>(a.into), a.help)->take_last();
  }
  option->type_name(a.value)->option_text(a.value.empty() ? " " : a.value)->required(a.required);
}

std::string help_of_all(const std::vector<Command>& all) {
  std::string text = "weft COMMAND [OPTIONS]: train GANs with an engine written from scratch\n\n";
  for (const Command& c : all) text += std::string("  ") + c.name + std::string(12 - std::string(c.name).size(), ' ') + c.what + "\n";
  return text +
         "\n  weft COMMAND -h     what a command takes, with examples; weft --version: the version alone\n"
         "Try it: weft train dcgan --data fashion-mnist --out runs/clothes --width 32\n"
         "        weft transfer --content dress.jpg --style painting.jpg --out dressed.png\n"
         "Exit codes: 0 done; 1 failed; 2 usage or settings; 3 a check said no; 66 input missing or\n"
         "unreadable; 74 disk; 129, 130, 143 stopped by a signal, after saving\n";
}

/// A subcommand with its flags, from what the command tells about itself.
CLI::App& add_command(CLI::App& app, const Command& c) {
  CLI::App& sub = *app.add_subcommand(c.name, c.what);
  sub.allow_extras();                                              // refused by refuse_extras, with a suggestion
  sub.get_formatter()->column_width(30);
  sub.footer(std::string("Example:\n  ") + c.example);
  for (const Argument& a : c.arguments) add_argument(sub, a);
  return sub;
}

std::string full_name(const CLI::App& app) { return (app.get_parent() ? "weft " : "") + app.get_name(); }

/// Throws for the first word that CLI11 could not place, with the nearest of the flags and of `known`.
void refuse_extras(const CLI::App& app, std::vector<std::string> known) {
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return;
  const std::string what = extras[0].rfind('-', 0) == 0 ? "flag" : app.get_parent() ? "use for" : "command";
  for (const CLI::Option* o : app.get_options()) known.push_back(o->get_name());
  const std::string given = extras[0].substr(0, extras[0].find('='));
  const std::string hint = gan::suggestion(given, known);
  throw ConfigError("there is no " + what + " '" + given + "'" + (hint.empty() ? "; see `" + full_name(app) + " -h`" : hint));
}

int run(std::vector<std::string> words, const std::string& typed) {
  CLI::App app("weft", "weft");
  app.allow_extras();
  app.set_version_flag("--version", std::string("weft ") + WEFT_VERSION);
  std::vector<Command> all;
  std::vector<CLI::App*> subs;
  std::vector<std::string> names;
  for (const auto make : commands) {
    all.push_back(make(typed));
    names.push_back(all.back().name);
  }
  for (const Command& c : all) subs.push_back(&add_command(app, c));
  app.formatter_fn([&](const CLI::App*, std::string, CLI::AppFormatMode) { return help_of_all(all); });

  try {
    std::reverse(words.begin(), words.end());                      // as CLI11 wants them
    app.parse(words);
  } catch (const CLI::Success& e) {                                // -h, --version
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    const CLI::App& sub = app.get_subcommands().empty() ? app : *app.get_subcommands()[0];
    refuse_extras(sub, {});                                // a misspelt flag is the likelier trouble than a missing one
    throw ConfigError(std::string(e.what()) + "; see `" + full_name(sub) + " -h`");
  }
  refuse_extras(app, names);
  for (size_t i = 0; i < all.size(); ++i) {
    if (!subs[i]->parsed()) continue;
    refuse_extras(*subs[i], {});
    return all[i].run();
  }
  std::fputs(help_of_all(all).c_str(), stderr);
  return exit_usage;
}

/// On stderr for a person; with --json also as the one object on stdout.
int report(std::string text, int code, bool json) {
  text.resize(text.find_last_not_of('\n') + 1);
  std::fprintf(stderr, "weft: %s\n", text.c_str());
  if (json) print_json({{"error", text}, {"exit_code", code}});
  return code;
}

/// Threads of the OpenMP run time wait for one another by spinning. On a machine that does other work as well that is up to
/// forty times slower than sleeping, so the spin is made short (docs/performance.md has the figures). The run time reads this
/// from the environment before main begins, hence a second start; whoever has set it is obeyed.
void wait_politely(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  setenv("GOMP_SPINCOUNT", "1000", 1);
  execv("/proc/self/exe", argv);   // returns only if there is no /proc: then as before
}

}  // namespace
}  // namespace weft::apps

int main(int argc, char** argv) {
  using namespace weft::apps;
  const std::vector<std::string> words(argv + (argc > 0), argv + argc);
  if (argc > 2) wait_politely(argv);   // `weft --version` and the like start once
  std::string typed = "weft";
  for (const std::string& word : words) typed += " " + weft::gan::quoted_for_shell(word);
  const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  int code = exit_failed;
  try {
    code = run(words, typed);
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) code = report("the results could not be written to standard output", exit_io, false);
  } catch (const weft::Error& e) {
    code = report(e.what(), e.exit_code, json);
  } catch (const std::filesystem::filesystem_error& e) {
    code = report("cannot look for " + e.path1().string() + ": " + e.code().message(), exit_io, json);
  } catch (const std::exception& e) {
    code = report(e.what(), exit_failed, json);
  }
  return code;
}
