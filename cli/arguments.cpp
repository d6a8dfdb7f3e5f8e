#include "cli/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/config/keys.h"
#include "base/error.h"
#include "cli/commands.h"

namespace pear::cli {
namespace {

[[noreturn]] void usage_error(const char* code, const std::string& what, const std::string& hint) {
  throw ConfigError(code, "cli", {.what = what, .hint = hint});
}

const Flag& find_flag(const std::string& word) {
  std::vector<std::string> names;
  for (const Flag& flag : all_flags()) {
    if (word == flag.name) return flag;
    names.emplace_back(flag.name);
  }
  const std::string nearest = nearest_word(word, names);
  usage_error("UnknownFlag", fmt::format("unknown flag {}", word),
              nearest.empty()
                  ? fmt::format("flags are {}; everything else is a key such as train.lr=3e-4", fmt::join(names, " "))
                  : fmt::format("did you mean {}?", nearest));
}

bool is_override(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  const std::string_view key = std::string_view(word).substr(0, equals);
  return std::all_of(key.begin(), key.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.' || c == '-'; });
}

void set_flag(Arguments& a, std::string_view name, const std::string& value) {
  const std::pair<std::string_view, bool Arguments::*> switches[] = {
      {"--dry-run", &Arguments::dry_run}, {"--json", &Arguments::json},
      {"--verbose", &Arguments::verbose}, {"--quiet", &Arguments::quiet},
      {"--help", &Arguments::help},       {"--version", &Arguments::version},
      {"--keys", &Arguments::keys},       {"--verify", &Arguments::verify},
      {"--resume", &Arguments::resume},   {"--intersect-times", &Arguments::intersect_times},
      {"--requeue", &Arguments::requeue}, {"--status", &Arguments::status}};
  for (const auto& [known, member] : switches)
    if (name == known) a.*member = true;
  if (name == "--fork") a.fork = value;
  if (name == "--warm-start") a.warm_start = value;
  if (name == "--weights-only") a.weights_only = value;
  if (name == "--export-names") a.export_names = value;
  if (name == "--out") a.out = value;
  if (name == "--chain") a.chain = value;
  if (name == "--array") a.array = value;
  if (name == "--verb") a.submitted_verb = value;
  if (name == "--allow") a.allow.push_back(value);
}

bool knows(std::string_view verbs, const std::string& verb) {
  return verbs.empty() || fmt::format(",{},", verbs).find("," + verb + ",") != std::string::npos;
}

void check_verb(const Arguments& a, const std::vector<const Flag*>& used) {
  if (a.verb.empty()) return;
  if (find_command(a.verb) == nullptr) {
    std::vector<std::string> verbs;
    for (const Command& c : all_commands()) verbs.emplace_back(c.name);
    const std::string nearest = nearest_word(a.verb, verbs);
    usage_error("UnknownVerb", fmt::format("unknown verb {}", a.verb),
                nearest.empty() ? fmt::format("verbs are {}", fmt::join(verbs, ", "))
                                : fmt::format("did you mean {}?", nearest));
  }
  for (const Flag* flag : used)
    if (!knows(flag->verbs, a.verb))
      usage_error("WrongFlag", fmt::format("{} has no flag {}", a.verb, flag->name),
                  fmt::format("it belongs to {}", flag->verbs));
}

}  // namespace

const std::vector<Flag>& all_flags() {
  static const std::vector<Flag> flags = {
      {"--dry-run", "", "print the resolved configuration and the plan; write nothing", ""},
      {"--json", "", "print exactly one JSON object on standard output", ""},
      {"--verbose", "", "also log details", ""},
      {"--quiet", "", "log only warnings and errors, no progress", ""},
      {"--help", "", "print this help", ""},
      {"--version", "", "print the versions of the program and its libraries", ""},
      {"--keys", "", "list all configuration keys", "inspect"},
      {"--verify", "", "read everything again and compare checksums", "inspect"},
      {"--export-names", "NAMES", "write the weights of a checkpoint under `published` or `own` tensor names",
       "inspect"},
      {"--out", "FILE", "file that --export-names writes (default: beside the checkpoint folder)", "inspect"},
      {"--resume", "", "continue the run from its newest valid checkpoint", "train"},
      {"--fork", "PATH", "continue weights, optimiser and step of another run", "train"},
      {"--warm-start", "PATH", "start from weights of a checkpoint, matched by name", "train"},
      {"--weights-only", "PATH",
       "start from the weights of a checkpoint, or of a safetensors file, of the same network", "train"},
      {"--intersect-times", "", "compare on the initial times that both sides share", "score"},
      {"--allow", "FIELD", "compare although this field of the definitions differs (may be repeated)", "score"},
      {"--chain", "N", "N jobs one after another; each leaves at once where the run is done", "submit"},
      {"--requeue", "", "a stopped job goes back into the queue until the run is done", "submit"},
      {"--array", "SPEC", "seeds=1..3: runs side by side; inits=N: the initial times in N shares", "submit"},
      {"--verb", "VERB", "what the job does: train (default), forecast, score or experiment", "submit"},
      {"--status", "", "show the jobs of a run folder instead", "submit"},
  };
  return flags;
}

Arguments parse_arguments(const std::vector<std::string>& words) {
  Arguments a;
  std::vector<const Flag*> used;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    if (word == "-h") word = "--help";
    if (word.size() > 1 && word[0] == '-') {
      const size_t equals = word.find('=');
      const Flag& flag = find_flag(word.substr(0, equals));
      std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
      if (!flag.value.empty() && equals == std::string::npos && i + 1 < words.size()) value = words[++i];
      if (flag.value.empty() != value.empty())
        usage_error("FlagWithoutValue",
                    fmt::format("{} {}", flag.name, flag.value.empty() ? "takes no value" : "needs a value"),
                    flag.value.empty() ? "" : fmt::format("write {} {}", flag.name, flag.value));
      used.push_back(&flag);
      set_flag(a, flag.name, value);
    } else if (a.verb.empty()) {
      a.verb = word;
    } else if (is_override(word)) {
      a.overrides.push_back(word);
    } else {
      a.paths.emplace_back(word);
    }
  }
  check_verb(a, used);
  return a;
}

}  // namespace pear::cli
