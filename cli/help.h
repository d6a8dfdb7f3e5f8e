// Text of --help and --version.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/config/keys.h"
#include "cli/commands.h"

namespace pear::cli {

std::string program_help();
/// Purpose, keys with type, default and unit, two examples, exit codes.
std::string command_help(const Command& command);
nlohmann::json command_help_json(const Command& command);
/// One line per key.
std::string keys_text(const std::vector<KeyInfo>& keys);
nlohmann::json keys_json(const std::vector<KeyInfo>& keys);
CommandResult version_result();

/// `pear` alone is wrong usage. Errors: ConfigError `NoVerb`, always.
[[noreturn]] void refuse_empty_command();

}  // namespace pear::cli
