// The one JSON object of --json, for results and for errors.
#pragma once

#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"

namespace pear::cli {

/// A failure in the words of the program: what is printed, the exit code, the error object.
struct Failure {
  std::string message;
  std::string status;  ///< "failed", "usage" or "stopped"
  int exit_code = 1;
  nlohmann::json error;  ///< {code, where, what, expected, found, hint}
};
Failure describe(const std::exception& exception);

/// {"verb", "status", "exit_code", "outputs", "warnings", "error", "result", "provenance"}
nlohmann::json report(const std::string& verb, const CommandResult& result);
nlohmann::json report(const std::string& verb, const Failure& failure);

/// Text that should be JSON; null if it is not.
nlohmann::json parse_or_null(const std::string& text);

}  // namespace pear::cli
