#include "cli/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/build_config.h"
#include "base/error.h"
#include "base/provenance.h"
#include "base/version.h"
#include "cli/libraries.h"
#include "forecast/config/run_config.h"

namespace pear::cli {
namespace {

constexpr size_t kKeyColumn = 34;

std::vector<KeyInfo> keys_of(const Command& command) {
  std::vector<KeyInfo> keys;
  for (KeyInfo& info : list_keys<forecast::ConfigFile>()) {
    const std::string section = info.key.substr(0, info.key.find('.'));
    if (std::find(command.sections.begin(), command.sections.end(), section) != command.sections.end())
      keys.push_back(std::move(info));
  }
  return keys;
}

bool knows_flag(const Command& command, const Flag& flag) { return flag.verbs.empty() || flag.verbs == command.name; }

std::string flag_line(const Flag& flag) {
  const std::string name = flag.value.empty() ? std::string(flag.name) : fmt::format("{} {}", flag.name, flag.value);
  return fmt::format("  {:<22} {}\n", name, flag.doc);
}

std::string exit_codes(bool can_stop) {
  std::string text =
      "Exit codes:\n"
      "  0  done\n"
      "  1  failed (data, device, communication, a check)\n"
      "  2  wrong usage or configuration\n";
  if (can_stop) text += "  3  stopped by a signal after the state was saved; run it again to continue\n";
  return text;
}

}  // namespace

std::string program_help() {
  std::string text =
      "pear: weather forecasts with a neural network on the sphere\n\n"
      "  pear <verb> [CONFIG.yaml] [key.sub=value ...] [flags]\n\n"
      "Verbs:\n";
  for (const Command& c : all_commands()) text += fmt::format("  {:<12} {}\n", c.name, c.purpose);
  text += "\nFlags of every verb:\n";
  for (const Flag& flag : all_flags())
    if (flag.verbs.empty()) text += flag_line(flag);
  text +=
      "\nEverything else is a configuration key: `pear inspect --keys` lists them all. Values come from the defaults,\n"
      "the file that `extends:` names, the file, and the command line, the last one wins.\n"
      "`pear <verb> --help` shows the keys of a verb and two examples.\n";
  return text;
}

std::string keys_text(const std::vector<KeyInfo>& keys) {
  std::string text;
  for (const KeyInfo& k : keys) {
    text += fmt::format("  {:<{}} {}, default {}{}\n", k.key, kKeyColumn, k.type, k.default_text,
                        k.unit.empty() ? "" : fmt::format(" [{}]", k.unit));
    text += fmt::format("  {:<{}}   {}\n", "", kKeyColumn, k.doc);
    if (!k.choices.empty()) text += fmt::format("  {:<{}}   one of {}\n", "", kKeyColumn, fmt::join(k.choices, ", "));
  }
  return text;
}

nlohmann::json keys_json(const std::vector<KeyInfo>& keys) {
  nlohmann::json out = nlohmann::json::array();
  for (const KeyInfo& k : keys)
    out.push_back({{"key", k.key},
                   {"type", k.type},
                   {"default", k.default_text},
                   {"unit", k.unit},
                   {"doc", k.doc},
                   {"choices", k.choices}});
  return out;
}

std::string command_help(const Command& command) {
  std::string text =
      fmt::format("pear {}: {}\n\n  pear {} {} [flags]\n", command.name, command.purpose, command.name, command.usage);
  text += "\nExamples:\n";
  for (std::string_view example : command.examples) text += fmt::format("  {}\n", example);
  text += "\nFlags:\n";
  for (const Flag& flag : all_flags())
    if (knows_flag(command, flag)) text += flag_line(flag);
  if (const auto keys = keys_of(command); !keys.empty()) text += "\nKeys:\n" + keys_text(keys);
  return text + "\n" + exit_codes(command.can_stop);
}

nlohmann::json command_help_json(const Command& command) {
  nlohmann::json flags = nlohmann::json::array();
  for (const Flag& flag : all_flags())
    if (knows_flag(command, flag)) flags.push_back({{"name", flag.name}, {"value", flag.value}, {"doc", flag.doc}});
  return {{"verb", command.name},         {"purpose", command.purpose},          {"usage", command.usage},
          {"examples", command.examples}, {"keys", keys_json(keys_of(command))}, {"flags", flags}};
}

CommandResult version_result() {
  const Revision revision = built_revision();
  CommandResult out;
  out.text = fmt::format("pear {}\n", kVersion);
  out.text += fmt::format("  {:<9} {}\n", "revision", revision.short_text());
  out.text += fmt::format("  {:<9} {}, {}\n", "build", kBuildType, kCompiler);
  nlohmann::json libraries = nlohmann::json::object();
  for (const auto& [name, version] : library_versions()) {
    out.text += fmt::format("  {:<9} {}\n", name, version);
    libraries[name] = version;
  }
  out.result = {{"version", kVersion},      {"git_revision", revision.commit}, {"dirty", revision.dirty},
                {"build_type", kBuildType}, {"compiler", kCompiler},           {"libraries", libraries}};
  return out;
}

void refuse_empty_command() {
  throw ConfigError("NoVerb", "cli", {.what = "no verb was given", .hint = "pear --help lists them"});
}

}  // namespace pear::cli
