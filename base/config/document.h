// YAML text as a plain tree with origins; the only part that knows the YAML library.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pear {

/// Where a value came from.
struct ConfigOrigin {
  enum class Kind { Default, File, CommandLine };
  Kind kind = Kind::Default;
  std::string file;
  int line = 0;
  /// `configs/run/demo.yaml:14`, `command line` or `default`.
  std::string text() const;
};

/// One mistake in a configuration, complete but for the words around it.
struct LocatedIssue {
  std::string code;  ///< UnknownKey, DuplicateKey, WrongType, BadValue, …
  ConfigOrigin origin;
  std::string key;  ///< dotted, may be empty
  std::string text;
  std::string hint;
  std::string line() const;
};

struct ConfigEntry;

struct ConfigNode {
  enum class Kind { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  std::string text;                  ///< of a scalar
  bool quoted = false;               ///< of a scalar
  ConfigOrigin origin;               ///< of its key, or of itself inside a list
  std::vector<ConfigNode> items;     ///< of a list
  std::vector<ConfigEntry> entries;  ///< of a map, in file order, keys unique
  const ConfigNode* find(std::string_view key) const;
};

/// A type of its own: a std::pair of an incomplete type is more than some compilers take.
struct ConfigEntry {
  std::string key;
  ConfigNode node;
};

/// Parses one YAML document whose top is a map (or nothing). Duplicate keys and odd tags become issues.
/// Errors: ConfigError `BadYaml` with file, line and column when the text is not YAML at all.
ConfigNode parse_document(std::string_view text, const std::string& file_name, std::vector<LocatedIssue>& issues);

/// Reads `file`, and the file that its `extends:` names (relative to it, once), merged.
/// Errors: ConfigError `FileNotFound`, `BadYaml`; a second `extends` becomes an issue.
ConfigNode read_document(const std::filesystem::path& file, std::vector<LocatedIssue>& issues);

/// `key.sub=value` with the value read as YAML, as nested maps.
ConfigNode parse_override(const std::string& text, std::vector<LocatedIssue>& issues);

/// Maps merge by key, everything else of `over` replaces what `base` has.
void merge_into(ConfigNode& base, ConfigNode over);

}  // namespace pear
