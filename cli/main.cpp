// Entry point: arguments in, one command, one report, one exit code.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "base/signals.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/libraries.h"
#include "cli/report.h"
#include "distributed/launcher.h"
#include "io/netcdf_file.h"

namespace pear::cli {
namespace {

CommandResult run_command(const Arguments& a) {
  if (a.version) return version_result();
  if (a.verb.empty()) {
    if (!a.help) refuse_empty_command();
    return {.text = program_help()};
  }
  const Command& command = *find_command(a.verb);
  if (a.help) return {.text = command_help(command), .result = command_help_json(command)};
  distributed::require_single_process(distributed::detect_launch());
  return command.run(a);
}

void set_up(const Arguments& a) {
  set_log_options({.verbosity = a.quiet     ? Verbosity::Quiet
                                : a.verbose ? Verbosity::Verbose
                                            : Verbosity::Normal,
                   .verb = a.verb.empty() ? "pear" : a.verb});
  install_stop_signals();
  io::switch_off_hdf5_exit_handler();
  set_revision(built_revision());
  register_libraries();
}

void print(const nlohmann::json& object) {
  fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

int run(const std::vector<std::string>& words) {
  // Also a command line that cannot be read is answered in JSON if it asks for it.
  bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  std::string verb;
  try {
    const Arguments a = parse_arguments(words);
    verb = a.verb;
    set_up(a);
    const CommandResult result = run_command(a);
    if (json)
      print(report(verb, result));
    else
      fmt::print("{}", result.text);
    std::fflush(stdout);
    return result.exit_code;
  } catch (const std::exception& e) {
    const Failure failure = describe(e);
    erase_progress_line();
    fmt::print(stderr, "{}\n", failure.message);
    log_line_to_file(failure.exit_code == 3 ? LogLevel::Warn : LogLevel::Error, failure.message);
    if (json) print(report(verb, failure));
    std::fflush(stdout);
    return failure.exit_code;
  }
}

}  // namespace
}  // namespace pear::cli

int main(int argc, char** argv) {
  pear::set_command_line(argc, argv);
  return pear::cli::run({argv + 1, argv + argc});
}
