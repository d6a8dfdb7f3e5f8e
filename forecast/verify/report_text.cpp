#include "forecast/verify/report_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace pear::forecast {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kMinus = "\xE2\x88\x92", kDash = "\xE2\x80\x93";

/// Bytes of the UTF-8 character at `i`; 0 if there is none.
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char first = byte(i);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || i + length > text.size()) return 0;
  for (size_t k = i + 1; k < i + length; ++k)
    if ((byte(k) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates, U+FFFE, U+FFFF and numbers above U+10FFFF.
  if (length == 3 && ((first == 0xE0 && byte(i + 1) < 0xA0) || (first == 0xED && byte(i + 1) >= 0xA0))) return 0;
  if (length == 3 && first == 0xEF && byte(i + 1) == 0xBF && byte(i + 2) >= 0xBE) return 0;
  if (length == 4 && ((first == 0xF0 && byte(i + 1) < 0x90) || (first == 0xF4 && byte(i + 1) >= 0x90))) return 0;
  return length;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    const char c = text[i];
    const bool control = length == 1 && ((c >= 0 && c < 0x20 && c != '\n' && c != '\t') || c == 0x7F);
    if (length == 0 || control)
      out += kReplacement;
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  return out;
}

std::string pretty_units(std::string_view units) {
  static constexpr std::array<std::string_view, 10> kDigits{
      "\xE2\x81\xB0", "\xC2\xB9",     "\xC2\xB2",     "\xC2\xB3",     "\xE2\x81\xB4",
      "\xE2\x81\xB5", "\xE2\x81\xB6", "\xE2\x81\xB7", "\xE2\x81\xB8", "\xE2\x81\xB9"};
  std::string out;
  bool in_word = false;  // a digit after a letter or a bracket is an exponent
  for (const char c : units) {
    if (in_word && c == '-')
      out += "\xE2\x81\xBB";
    else if (in_word && c >= '0' && c <= '9')
      out += kDigits[static_cast<size_t>(c - '0')];
    else {
      out += c;
      in_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ')';
    }
  }
  return out;
}

std::string pretty_number(double value) {
  if (std::isnan(value)) return std::string(kDash);
  const double size = std::abs(value);
  std::string text = fmt::format("{:.4g}", size);
  if (size >= 1e4 && size < 1e7) text = fmt::format("{:.0f}", size);
  const bool is_zero = text.find_first_of("123456789i") == std::string::npos;
  return value < 0 && !is_zero ? std::string(kMinus) + text : text;
}

int decimals_for(double value) {
  if (!std::isfinite(value) || value == 0) return 2;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(std::abs(value)))), 0, 12);
}

std::string fixed_number(double value, int decimals) {
  if (std::isnan(value)) return std::string(kDash);
  const std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  const bool is_zero = text.find_first_of("123456789i") == std::string::npos;
  return value < 0 && !is_zero ? std::string(kMinus) + text : text;
}

std::string metric_title(std::string_view metric) {
  if (metric == "rmse") return "RMSE";
  if (metric == "mae") return "MAE";
  if (metric.starts_with("acc_")) return fmt::format("ACC ({})", metric);
  return std::string(metric);
}

}  // namespace pear::forecast
