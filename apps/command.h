// What a subcommand tells about itself. main.cpp turns it into a command line; nobody else sees the library that parses it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace weft::apps {

struct Argument {
  std::string name;            // "--steps", or "MODEL" for one that stands alone
  std::string value;           // what follows, in the help; empty for a switch
  std::string help;
  std::variant<std::string*, std::vector<std::string>*, bool*> into;
  bool required = false;
};

struct Command {
  const char* name;
  const char* what;
  const char* example;
  std::vector<Argument> arguments;
  std::function<int()> run;    // returns the exit code
};

/// @param typed  the whole command line, quoted for a shell: written into runs and pictures
Command train_command(const std::string& typed);
Command generate_command(const std::string& typed);
Command evaluate_command(const std::string& typed);
Command project_command(const std::string& typed);
Command trace_command(const std::string& typed);
Command translate_command(const std::string& typed);
Command convert_vgg_command(const std::string& typed);
Command transfer_command(const std::string& typed);
Command recolor_command(const std::string& typed);
Command tile_command(const std::string& typed);
Command verify_command(const std::string& typed);
Command inspect_command(const std::string& typed);
Command list_command(const std::string& typed);
Command info_command(const std::string& typed);
Command bench_command(const std::string& typed);
Command studio_command(const std::string& typed);     // where libmicrohttpd was found

}  // namespace weft::apps
