// The table of verbs. Each command is a function from arguments to a result; printing is done in one place.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"

namespace pear::cli {

/// What a command hands back: `text` goes to standard output, or `result` with --json.
struct CommandResult {
  std::string text;
  nlohmann::json result = nlohmann::json::object();
  std::vector<std::filesystem::path> outputs;
  std::vector<std::string> warnings;
  int exit_code = 0;  ///< 1 for a failed check; everything else fails by throwing
};

struct Command {
  std::string_view name;
  std::string_view usage;  ///< words after the verb
  std::string_view purpose;
  std::vector<std::string_view> sections;  ///< config sections it reads, for --help
  std::vector<std::string_view> examples;  ///< two commands, run by a test
  bool can_stop = false;                   ///< may end with exit code 3
  bool can_run_parallel = false;           ///< works on several processes; any other refuses them
  CommandResult (*run)(const Arguments&) = nullptr;
};

const std::vector<Command>& all_commands();
/// nullptr if there is no such verb.
const Command* find_command(std::string_view name);

}  // namespace pear::cli
