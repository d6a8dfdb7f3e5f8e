// Entry point: arguments in, one command, one report, one exit code.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "base/signals.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/libraries.h"
#include "cli/ranks.h"
#include "cli/report.h"
#include "io/netcdf_file.h"

namespace pear::cli {
namespace {

LogOptions log_options(const Arguments& a) {
  return {.verbosity = a.quiet     ? Verbosity::Quiet
                       : a.verbose ? Verbosity::Verbose
                                   : Verbosity::Normal,
          .verb = a.verb.empty() ? "pear" : a.verb};
}

CommandResult run_command(Arguments& a, Ranks& ranks) {
  if (a.version) return version_result();
  if (a.verb.empty()) {
    if (!a.help) refuse_empty_command();
    return {.text = program_help()};
  }
  const Command& command = *find_command(a.verb);
  if (a.help) return {.text = command_help(command), .result = command_help_json(command)};
  a.communicator = ranks.open(command, log_options(a));
  return command.run(a);
}

void set_up(const Arguments& a) {
  set_log_options(log_options(a));
  install_stop_signals();
  io::switch_off_hdf5_exit_handler();
  set_revision(built_revision());
  register_libraries();
}

void print(const nlohmann::json& object) {
  fmt::print("{}\n", object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print(const Failure& failure, const std::string& verb, const Ranks& ranks, bool json) {
  erase_progress_line();
  fmt::print(stderr, "{}{}\n", ranks.label(), failure.message);
  log_line_to_file(failure.exit_code == 3 ? LogLevel::Warn : LogLevel::Error, failure.message);
  if (json) print(report(verb, failure));
  std::fflush(stdout);
}

/// An error that all ranks met is told once, by rank 0; one that only some met ends the others.
int fail(const Failure& failure, const std::string& verb, Ranks& ranks, bool json) {
  if (ranks.is_leader()) print(failure, verb, ranks, json);
  if (ranks.fail_together()) return failure.exit_code;
  if (!ranks.is_leader()) print(failure, verb, ranks, json);
  ranks.abort(failure.exit_code);
  return failure.exit_code;
}

int run(const std::vector<std::string>& words) {
  // Also a command line that cannot be read is answered in JSON if it asks for it.
  bool json = std::find(words.begin(), words.end(), "--json") != words.end();
  std::string verb;
  Ranks ranks;
  try {
    Arguments a = parse_arguments(words);
    verb = a.verb;
    set_up(a);
    const CommandResult result = run_command(a, ranks);
    if (ranks.is_leader() && json)
      print(report(verb, result));
    else if (ranks.is_leader())
      fmt::print("{}", result.text);
    std::fflush(stdout);
    ranks.leave();
    return result.exit_code;
  } catch (const std::exception& e) {
    return fail(describe(e), verb, ranks, json);
  }
}

}  // namespace
}  // namespace pear::cli

int main(int argc, char** argv) {
  pear::keep_freed_memory();
  pear::set_command_line(argc, argv);
  return pear::cli::run({argv + 1, argv + argc});
}
