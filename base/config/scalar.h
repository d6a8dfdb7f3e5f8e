// Text of one value <-> typed value, strictly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/config/document.h"
#include "base/config/field.h"

namespace pear {

/// Why a scalar was refused: fills `expected` and perhaps `hint` of an issue.
struct ScalarRefusal {
  std::string code = "WrongType";
  std::string expected;
  std::string hint;
};

// Each parses `node` (a scalar) or throws ScalarRefusal. `unit` is the key's own unit, which may follow a number.
bool parse_bool(const ConfigNode& node);
/// Whole decimal numbers; unit "B" also takes 500kB, 2MB, 1GB, 4KiB, 4MiB, 4GiB, 1TiB.
int64_t parse_integer(const ConfigNode& node, std::string_view unit);
double parse_real(const ConfigNode& node, std::string_view unit);
/// Refuses plain words and numbers that YAML 1.1 reads as something else (`no`, `012`, `12:30`, `1e3`, `null`).
std::string parse_string(const ConfigNode& node);
/// As parse_string, with `${NAME}` and `${NAME:-text}` expanded from the environment.
Path parse_path(const ConfigNode& node);
Time parse_time_value(const ConfigNode& node);
Duration parse_duration_value(const ConfigNode& node);

/// Text in YAML that is read back as the same value.
std::string yaml_text(double value);
std::string yaml_text(std::string_view value);

}  // namespace pear
