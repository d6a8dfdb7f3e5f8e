// Config structs as text: YAML that reads back to the same struct, JSON, and the SHA-256 of the JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/config/bind.h"

namespace pear {

/// One line, e.g. `[0.9, 0.999]` or `{start: 2007-01-01T00:00:00Z, …}`.
std::string flow_yaml(const FieldAccess& field);
/// Sections as blocks, values as in `flow_yaml`.
std::string config_yaml(const FieldAccess& root);
/// Times and durations as text, sections as objects. Keys are sorted, so `dump()` is canonical.
nlohmann::json config_json(const FieldAccess& field);
/// SHA-256 of the canonical JSON.
std::string config_sha256(const FieldAccess& root);

// For whole structs. A copy is bound, because the view gives write access.
template <class Config>
std::string to_yaml(Config config) {
  return config_yaml(bind_field(config));
}
template <class Config>
nlohmann::json to_json_value(Config config) {
  return config_json(bind_field(config));
}
template <class Config>
std::string sha256_of_config(Config config) {
  return config_sha256(bind_field(config));
}

}  // namespace pear
