#include "forecast/verify/definition.h"

#include <set>
#include <vector>

#include "base/files.h"

namespace pear::forecast {
namespace {

using nlohmann::json;

void collect(const json& left, const json& right, const std::string& path, std::vector<std::string>& out) {
  if (left == right) return;
  if (!left.is_object() || !right.is_object()) {
    out.push_back(path + "  " + left.dump() + " | " + right.dump());
    return;
  }
  std::set<std::string> keys;
  for (const auto& [key, value] : left.items()) keys.insert(key);
  for (const auto& [key, value] : right.items()) keys.insert(key);
  for (const auto& key : keys)
    collect(left.value(key, json()), right.value(key, json()), path.empty() ? key : path + "." + key, out);
}

}  // namespace

std::string definition_id(const json& record) {
  // nlohmann::json keeps object keys sorted and dump() without indent writes no spaces: the canonical form.
  return sha256_hex(record.dump()).substr(0, 16);
}

std::vector<std::string> definition_differences(const json& left, const json& right) {
  std::vector<std::string> out;
  collect(left, right, "", out);
  return out;
}

}  // namespace pear::forecast
