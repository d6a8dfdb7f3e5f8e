#include "base/provenance.h"

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/build_config.h"
#include "base/time.h"

namespace pear {
namespace {

struct Stated {
  std::mutex mutex;
  Revision revision;
  std::string command;
  nlohmann::json libraries = nlohmann::json::object();
  nlohmann::json config;
  std::string config_sha256;
  bool reproducible = false;
  Time started{
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
};

// One process, one command line: stated by main, read by every writer of files.
Stated& stated() {
  static Stated s;
  return s;
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\$`&|;<>()*?[]{}~#!") == std::string::npos;
  if (plain) return word;
  std::string out = "'";
  for (char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

void set_command_line(int argc, const char* const* argv) {
  Stated& s = stated();
  std::lock_guard lock(s.mutex);
  s.command.clear();
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    // The program's own folder says nothing about the result.
    s.command += i == 0 ? quoted(word.substr(word.rfind('/') + 1)) : " " + quoted(word);
  }
}

void set_revision(const Revision& revision) {
  Stated& s = stated();
  std::lock_guard lock(s.mutex);
  s.revision = revision;
}

void register_library(const std::string& name, const std::string& version) {
  Stated& s = stated();
  std::lock_guard lock(s.mutex);
  s.libraries[name] = version;
}

void set_provenance_config(const nlohmann::json& resolved, const std::string& sha256) {
  Stated& s = stated();
  std::lock_guard lock(s.mutex);
  s.config = resolved;
  s.config_sha256 = sha256;
}

void set_reproducible_provenance(bool reproducible) {
  Stated& s = stated();
  std::lock_guard lock(s.mutex);
  s.reproducible = reproducible;
}

nlohmann::json provenance_base() {
  Stated& s = stated();
  std::lock_guard lock(s.mutex);
  nlohmann::json out = {{"pear",
                         {{"version", kVersion},
                          {"git_revision", s.revision.commit},
                          {"dirty", s.revision.dirty},
                          {"build_type", kBuildType},
                          {"compiler", kCompiler}}},
                        {"libraries", s.libraries}};
  if (!s.command.empty()) out["command"] = s.command;
  if (!s.config.is_null()) {
    out["config"] = s.config;
    out["config_sha256"] = s.config_sha256;
  }
  if (!s.reproducible) out["started"] = format_time(s.started);
  return out;
}

}  // namespace pear
