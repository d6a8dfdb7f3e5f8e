#include "base/json.h"

namespace pear {
namespace {

using nlohmann::json;
constexpr int kDeepest = 64;
struct TooDeep {};

}  // namespace

json parse_json(std::string_view text) {
  const auto check_depth = [](int depth, json::parse_event_t, json&) {
    if (depth > kDeepest) throw TooDeep{};
    return true;
  };
  try {
    return json::parse(text, check_depth, /*allow_exceptions=*/false);
  } catch (const TooDeep&) {
    return json(json::value_t::discarded);
  }
}

}  // namespace pear
