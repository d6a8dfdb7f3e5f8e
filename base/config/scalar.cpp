#include "base/config/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pear {
namespace {

constexpr std::string_view kDigits = "0123456789";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool is_yaml_bool(std::string_view text) {
  const std::string t = lower(text);
  for (const char* word : {"true", "false", "yes", "no", "on", "off", "y", "n"})
    if (t == word) return true;
  return false;
}

// `12`, `-3`, `012`, `0x1f`, `1e3`, `.5`, `1_000`, `.inf`, `.nan`
bool is_yaml_number(std::string_view text) {
  if (text.empty()) return false;
  const std::string t = lower(text);
  for (const char* word : {".inf", "+.inf", "-.inf", ".nan"})
    if (t == word) return true;
  std::string_view rest = t;
  if (rest.front() == '+' || rest.front() == '-') rest.remove_prefix(1);
  if (rest.starts_with("0x") && rest.size() > 2)
    return rest.substr(2).find_first_not_of("0123456789abcdef_") == std::string_view::npos;
  if (rest.starts_with("0o") && rest.size() > 2)
    return rest.substr(2).find_first_not_of("01234567_") == std::string_view::npos;
  if (rest.find_first_of(kDigits) == std::string_view::npos) return false;
  std::string plain(rest);
  std::erase(plain, '_');
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return error != std::errc::invalid_argument && end == plain.data() + plain.size();
}

// YAML 1.1 reads `12:30` as 750 and `190:20:30` as a number of seconds.
bool is_sexagesimal(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty() || text.find(':') == std::string_view::npos) return false;
  bool digit_before = false;
  for (char c : text) {
    if (c == ':' && !digit_before) return false;
    if (c != ':' && c != '.' && kDigits.find(c) == std::string_view::npos) return false;
    digit_before = c != ':';
  }
  return digit_before;
}

bool has_leading_zero(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && kDigits.find(text[1]) != std::string_view::npos;
}

std::string_view without_unit(std::string_view text, std::string_view unit) {
  if (unit.empty() || text.size() <= unit.size() || !text.ends_with(unit)) return text;
  text.remove_suffix(unit.size());
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct SizeSuffix {
  std::string_view name;
  int64_t factor;
};
constexpr SizeSuffix kSizes[] = {{"KiB", int64_t{1} << 10},
                                 {"MiB", int64_t{1} << 20},
                                 {"GiB", int64_t{1} << 30},
                                 {"TiB", int64_t{1} << 40},
                                 {"kB", 1000},
                                 {"MB", 1000000},
                                 {"GB", 1000000000},
                                 {"TB", 1000000000000},
                                 {"B", 1}};

std::string leading_zero_hint(std::string_view text) {
  return has_leading_zero(text) ? "A leading zero means octal to some YAML readers; leave it out" : "";
}

// The value of a number field: quoted text is a string, not a number.
std::string_view number_text(const ConfigNode& node, const std::string& expected) {
  if (node.quoted) throw ScalarRefusal{.expected = expected, .hint = "Leave out the quotes"};
  if (has_leading_zero(node.text)) throw ScalarRefusal{.expected = expected, .hint = leading_zero_hint(node.text)};
  return node.text;
}

}  // namespace

bool parse_bool(const ConfigNode& node) {
  if (!node.quoted && node.text == "true") return true;
  if (!node.quoted && node.text == "false") return false;
  throw ScalarRefusal{.expected = "true or false"};
}

int64_t parse_integer(const ConfigNode& node, std::string_view unit) {
  const std::string expected = unit == "B"    ? "a size such as 4GiB, 500MB or a whole number of bytes"
                               : unit.empty() ? "a whole number"
                                              : fmt::format("a whole number in {}", unit);
  std::string_view text = number_text(node, expected);
  int64_t factor = 1;
  if (unit == "B") {
    for (const SizeSuffix& s : kSizes)
      if (without_unit(text, s.name) != text) {
        text = without_unit(text, s.name);
        factor = s.factor;
        break;
      }
  } else {
    text = without_unit(text, unit);
  }
  int64_t value = 0, scaled = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || __builtin_mul_overflow(value, factor, &scaled))
    throw ScalarRefusal{.expected = expected};
  return scaled;
}

double parse_real(const ConfigNode& node, std::string_view unit) {
  const std::string expected = unit.empty() ? "a number" : fmt::format("a number in {}", unit);
  std::string_view text = without_unit(number_text(node, expected), unit);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    throw ScalarRefusal{.expected = expected};
  return value;
}

std::string parse_string(const ConfigNode& node) {
  if (node.quoted) return node.text;
  const auto refuse = [&](const char* reading) {
    throw ScalarRefusal{.expected = "text",
                        .hint = fmt::format("YAML reads {} as {}; write \"{}\"", node.text, reading, node.text)};
  };
  if (is_yaml_bool(node.text)) refuse("a truth value");
  if (is_sexagesimal(node.text)) refuse("a number to the base 60");
  if (is_yaml_number(node.text)) refuse("a number");
  return node.text;
}

Path parse_path(const ConfigNode& node) {
  const std::string text = parse_string(node);
  Path path;
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find("${", at);
    path.value += text.substr(at, open - at);
    if (open == std::string::npos) break;
    const size_t close = text.find('}', open);
    const std::string inside = close == std::string::npos ? "" : text.substr(open + 2, close - open - 2);
    const size_t divider = inside.find(":-");
    const std::string name = inside.substr(0, divider);
    if (name.empty()) throw ScalarRefusal{.code = "BadValue", .expected = "${NAME} with a closing brace"};
    const char* value = std::getenv(name.c_str());
    if (divider != std::string::npos && (value == nullptr || *value == '\0'))
      path.value += inside.substr(divider + 2);
    else if (value == nullptr)
      throw ScalarRefusal{.code = "UnsetVariable",
                          .expected = fmt::format("the environment variable {} to be set", name),
                          .hint = fmt::format("Run `export {}=...` or write the folder itself", name)};
    else
      path.value += value;
    at = close + 1;
  }
  return path;
}

Time parse_time_value(const ConfigNode& node) {
  try {
    return parse_time(node.text);
  } catch (const ConfigError&) {
    throw ScalarRefusal{.expected = "a UTC time such as 2019-01-01 or 2019-01-01T12"};
  }
}

Duration parse_duration_value(const ConfigNode& node) {
  try {
    if (!is_sexagesimal(node.text) && !has_leading_zero(node.text)) return parse_duration(node.text);
  } catch (const ConfigError&) {  // reported below in the words of the key
  }
  throw ScalarRefusal{
      .expected = "a duration such as 6h, 10d, 90min or a whole number of hours",
      .hint = is_sexagesimal(node.text) ? "Write hours and minutes as 6h or 90min" : leading_zero_hint(node.text)};
}

std::string yaml_text(double value) { return fmt::format("{}", value); }

std::string yaml_text(std::string_view value) {
  constexpr std::string_view kSafe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-:";
  constexpr std::string_view kSafeFirst = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_./0123456789";
  const bool plain = !value.empty() && value.find_first_not_of(kSafe) == std::string_view::npos &&
                     kSafeFirst.find(value.front()) != std::string_view::npos && value.back() != ':' &&
                     !is_yaml_bool(value) && !is_yaml_number(value) && !is_sexagesimal(value) &&
                     lower(value) != "null" && value != "..." && value.find("://") == std::string_view::npos;
  if (plain) return std::string(value);
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pear
