#include "base/units.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <vector>

#include "base/constants.h"

namespace pear {
namespace {

struct Factor {
  std::string symbol;
  int exponent = 1;
};

struct Alias {
  std::string_view spelling, symbol;
};
// Whole unit strings and single factors; compared as written, then in lower case.
constexpr Alias kAliases[] = {
    {"mb", "hPa"},
    {"mbar", "hPa"},
    {"millibar", "hPa"},
    {"millibars", "hPa"},
    {"hpa", "hPa"},
    {"pa", "Pa"},
    {"pascal", "Pa"},
    {"pascals", "Pa"},
    {"kelvin", "K"},
    {"degk", "K"},
    {"deg_k", "K"},
    {"celsius", "degC"},
    {"celcius", "degC"},
    {"°c", "degC"},
    {"degc", "degC"},
    {"deg_c", "degC"},
    {"degree_celsius", "degC"},
    {"degrees_celsius", "degC"},
    {"degreesc", "degC"},
    {"C", "degC"},
    {"meter", "m"},
    {"meters", "m"},
    {"metre", "m"},
    {"metres", "m"},
    {"second", "s"},
    {"seconds", "s"},
    {"sec", "s"},
    {"hour", "h"},
    {"hours", "h"},
    {"hr", "h"},
    {"day", "d"},
    {"days", "d"},
    {"gram", "g"},
    {"grams", "g"},
    {"kilogram", "kg"},
    {"kilograms", "kg"},
    {"percent", "%"},
    {"watt", "W"},
    {"joule", "J"},
    {"newton", "N"},
    {"gpmeters", "gpm"},
    {"degrees_c", "degC"},
    {"m_of_water_equivalent", "m"},
    {"geopotential_meters", "gpm"},
    {"geopotential_metres", "gpm"},
};
constexpr std::string_view kDimensionless[] = {"1",     "~",        "-",          "(0 - 1)",       "(0-1)", "0-1",
                                               "0 - 1", "fraction", "proportion", "dimensionless", "none",  "unitless"};

struct Definition {
  std::string_view symbol;
  double scale, offset;
  std::string_view base;  ///< product of SI base units
};
constexpr Definition kDefinitions[] = {
    {"Pa", 1, 0, "kg m-1 s-2"},
    {"hPa", 100, 0, "kg m-1 s-2"},
    {"kPa", 1000, 0, "kg m-1 s-2"},
    {"degC", 1, kZeroCelsiusKelvin, "K"},
    {"g", 1e-3, 0, "kg"},
    {"mg", 1e-6, 0, "kg"},
    {"km", 1000, 0, "m"},
    {"cm", 0.01, 0, "m"},
    {"mm", 0.001, 0, "m"},
    {"gpm", 1, 0, "m"},
    {"min", 60, 0, "s"},
    {"h", 3600, 0, "s"},
    {"d", 86400, 0, "s"},
    {"J", 1, 0, "kg m2 s-2"},
    {"W", 1, 0, "kg m2 s-3"},
    {"N", 1, 0, "kg m s-2"},
    {"%", 0.01, 0, ""},
};

std::string trimmed(std::string_view text) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string alias(const std::string& word) {
  for (const Alias& a : kAliases)
    if (word == a.spelling) return std::string(a.symbol);
  const std::string small = lower(word);
  for (const Alias& a : kAliases)
    if (small == a.spelling) return std::string(a.symbol);
  return word;
}

/// Splits `m**2/s**2`, `kg m-2`, `J kg^-1` into factors.
class FactorParser {
 public:
  explicit FactorParser(std::string_view text) : text_(text) {}

  std::vector<Factor> parse() {
    std::vector<Factor> factors;
    int sign = 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '/') {
        sign = -1;
        ++at_;
      } else if (c == ' ' || c == '*' || c == '.') {
        ++at_;
      } else {
        Factor factor{alias(symbol()), exponent() * sign};
        if (factor.symbol != "1") factors.push_back(std::move(factor));
        sign = 1;
      }
    }
    return factors;
  }

 private:
  bool starts_exponent() const {
    const char c = text_[at_];
    return std::isdigit(static_cast<unsigned char>(c)) || c == '^' || text_.substr(at_).starts_with("**") ||
           ((c == '-' || c == '+') && at_ + 1 < text_.size() &&
            std::isdigit(static_cast<unsigned char>(text_[at_ + 1])));
  }
  std::string symbol() {
    const size_t start = at_++;
    while (at_ < text_.size() && std::string_view(" */.").find(text_[at_]) == std::string_view::npos &&
           !starts_exponent())
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  int exponent() {
    if (text_.substr(at_).starts_with("**")) at_ += 2;
    if (at_ < text_.size() && text_[at_] == '^') ++at_;
    if (at_ < text_.size() && text_[at_] == '+') ++at_;
    int value = 1;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error == std::errc{}) at_ = static_cast<size_t>(end - text_.data());
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::vector<Factor> factors_of(std::string_view units) {
  const std::string text = trimmed(units);
  for (std::string_view word : kDimensionless)
    if (text == word) return {};
  std::string joined = lower(text);
  std::replace(joined.begin(), joined.end(), ' ', '_');
  if (const std::string whole = alias(joined); whole != joined) return {{whole, 1}};
  std::vector<Factor> factors = FactorParser(text).parse();
  std::stable_partition(factors.begin(), factors.end(), [](const Factor& f) { return f.exponent > 0; });
  return factors;
}

std::string text_of(const std::vector<Factor>& factors) {
  std::vector<std::string> parts;
  for (const Factor& f : factors) parts.push_back(f.exponent == 1 ? f.symbol : f.symbol + std::to_string(f.exponent));
  return parts.empty() ? "1" : fmt::format("{}", fmt::join(parts, " "));
}

/// Product of SI base units with a factor, and an offset for temperatures.
struct Quantity {
  std::map<std::string, int> dims;
  std::string ratio;  ///< "kg" for kg/kg: a ratio of masses is not just any number
  double scale = 1, offset = 0;
  bool operator==(const Quantity& other) const { return dims == other.dims && ratio == other.ratio; }
};

Quantity quantity_of(const std::vector<Factor>& factors) {
  Quantity q;
  std::string any;
  for (const Factor& f : factors) {
    const auto def = std::find_if(std::begin(kDefinitions), std::end(kDefinitions),
                                  [&](const Definition& d) { return d.symbol == f.symbol; });
    if (def == std::end(kDefinitions)) {
      q.dims[f.symbol] += f.exponent;
      any = f.symbol;
      continue;
    }
    q.scale *= std::pow(def->scale, f.exponent);
    if (factors.size() == 1 && f.exponent == 1) q.offset = def->offset;
    for (const Factor& base : FactorParser(def->base).parse()) {
      q.dims[base.symbol] += base.exponent * f.exponent;
      any = base.symbol;
    }
  }
  std::erase_if(q.dims, [](const auto& d) { return d.second == 0; });
  if (q.dims.empty()) q.ratio = any;
  return q;
}

}  // namespace

std::string normalise_units(std::string_view units) { return trimmed(units).empty() ? "" : text_of(factors_of(units)); }

std::optional<Conversion> conversion(std::string_view from, std::string_view to) {
  if (trimmed(from).empty()) return std::nullopt;
  const Quantity a = quantity_of(factors_of(from)), b = quantity_of(factors_of(to));
  // Geopotential from height: the one conversion that adds physics.
  const std::map<std::string, int> height{{"m", 1}}, geopotential{{"m", 2}, {"s", -2}};
  if (a.dims == height && b.dims == geopotential)
    return Conversion{a.scale * kStandardGravityMetresPerSecond2 / b.scale, 0};
  if (!(a == b)) return std::nullopt;
  return Conversion{a.scale / b.scale, (a.offset - b.offset) / b.scale};
}

}  // namespace pear
