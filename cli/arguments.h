// The command line as a value: verb, paths, overrides, flags.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pear::distributed {
class Communicator;
}

namespace pear::cli {

struct Flag {
  std::string_view name;   ///< with its dashes
  std::string_view value;  ///< name of its value in help; empty if it has none
  std::string_view doc;
  std::string_view verbs;  ///< comma-separated verbs that know it; empty: all
};
/// The whole list of flags; everything else is a config key. A test fails when it grows.
const std::vector<Flag>& all_flags();

struct Arguments {
  std::string verb;
  std::vector<std::filesystem::path> paths;
  std::vector<std::string> overrides;  ///< `key.sub=value`
  bool dry_run = false, json = false, verbose = false, quiet = false, help = false, version = false;
  bool keys = false, verify = false, resume = false, intersect_times = false;
  std::filesystem::path fork, warm_start, weights_only, out;
  std::string export_names;
  std::vector<std::string> allow;
  bool requeue = false, status = false;      ///< of submit
  std::string chain, array, submitted_verb;  ///< of submit
  /// The processes of this run; null where the program is alone or only parses. Set by `main`.
  std::shared_ptr<distributed::Communicator> communicator;
};

/// Splits the words after the program's name. A word `key=value` whose key is dotted letters is an override, every
/// other word a path.
///
/// Errors:  ConfigError `UnknownFlag`, `FlagWithoutValue`, `WrongFlag` (of another verb), `UnknownVerb`.
Arguments parse_arguments(const std::vector<std::string>& words);

}  // namespace pear::cli
