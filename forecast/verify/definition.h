// The record that says what a number means, and its short name.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pear::forecast {

/// First 16 hex digits of the SHA-256 of the canonical JSON (keys sorted, no spaces). Equal records, equal ids,
/// whatever the order in which they were built.
std::string definition_id(const nlohmann::json& record);

/// `field  left | right` for every field that differs, nested fields dotted. Empty when the records agree.
std::vector<std::string> definition_differences(const nlohmann::json& left, const nlohmann::json& right);

}  // namespace pear::forecast
