// YAML file and `key.sub=value` overrides -> config struct, strictly, with the origin of every value.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/config/bind.h"
#include "base/config/document.h"
#include "base/config/keys.h"

namespace pear {

/// Precedence: defaults of the struct < `extends` < `file` < `overrides` (later ones win).
struct ConfigInput {
  std::optional<std::filesystem::path> file;
  std::vector<std::string> overrides;  ///< `train.lr=3e-4`, the value is read as YAML
};

/// Origin of every value that did not keep its default, by dotted key.
class ConfigOrigins {
 public:
  ConfigOrigin of(const std::string& key) const;
  bool is_set(const std::string& key) const { return origins_.contains(key); }
  void record(const std::string& key, const ConfigOrigin& origin) { origins_[key] = origin; }

 private:
  std::map<std::string, ConfigOrigin> origins_;
};

/// Reads into the struct behind `root` and validates it and every struct inside.
///
/// Errors:  one ConfigError that lists every mistake, each with file, line and dotted key. Its code is that of the
///          mistakes if they agree, else `InvalidConfig`: UnknownKey (with the nearest known key), DuplicateKey,
///          WrongType, BadValue, UnsetVariable, NestedExtends, BadOverride, BadYaml, FileNotFound, Invalid.
ConfigOrigins read_config(const FieldAccess& root, const ConfigInput& input);

template <class Config>
ConfigOrigins read_config(Config& config, const ConfigInput& input) {
  return read_config(bind_field(config), input);
}

/// Runs `validate` of the struct behind `root` and of every struct inside it.
void validate_fields(const FieldAccess& root, const std::string& path, ConfigIssues& issues);

/// One line of `pear inspect CONFIG`.
struct ResolvedValue {
  std::string key, value, origin;
};
std::vector<ResolvedValue> resolved_values(const FieldAccess& root, const ConfigOrigins& origins);

/// Throws the ConfigError for `issues` if there are any.
void throw_config_issues(std::vector<LocatedIssue> issues);

}  // namespace pear
