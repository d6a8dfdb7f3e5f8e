// JSON from files.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace pear {

/// Parses text that nobody vouches for; `is_discarded()` if it is not JSON, or nested deeper than 64 levels: copying,
/// comparing and writing a value recurse once per level, and our own files are flat.
nlohmann::json parse_json(std::string_view text);

}  // namespace pear
