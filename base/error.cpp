#include "base/error.h"

#include <fmt/format.h>

namespace pear {
namespace {

bool ends_sentence(const std::string& text) { return text.back() == '.' || text.back() == '?' || text.back() == '!'; }

std::string message(const std::string& where, const ErrorDetail& d) {
  std::string text = fmt::format("[{}] {}", where, d.what);
  if (!d.expected.empty() && !d.found.empty())
    text += fmt::format(": expected {}, found {}", d.expected, d.found);
  else if (!d.expected.empty())
    text += fmt::format(": expected {}", d.expected);
  else if (!d.found.empty())
    text += fmt::format(": found {}", d.found);
  if (!ends_sentence(text)) text += '.';
  if (!d.hint.empty()) text += " Hint: " + d.hint + (ends_sentence(d.hint) ? "" : ".");
  return text;
}

}  // namespace

Error::Error(std::string kind, std::string code, std::string where, ErrorDetail detail)
    : std::runtime_error(message(where, detail)),
      kind_(std::move(kind)),
      code_(std::move(code)),
      where_(std::move(where)),
      detail_(std::move(detail)) {}

int Error::exit_code() const { return kind_ == "ConfigError" ? 2 : 1; }

void assertion_failed(const char* expression, const char* file, int line) {
  throw std::logic_error(
      fmt::format("internal error: {} is false at {}:{}; please report this", expression, file, line));
}

}  // namespace pear
