#include "io/variables.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace pear::io {

extern const char* const kVariablesYaml;

namespace {

LevelType level_type(const std::string& text) {
  if (text == "pressure") return LevelType::Pressure;
  if (text == "height") return LevelType::HeightAboveGround;
  if (text == "mean_sea") return LevelType::MeanSea;
  PEAR_ASSERT(text == "surface");
  return LevelType::Surface;
}

PlausibleValues plausible_values(const YAML::Node& node) { return {node[0].as<double>(), node[1].as<double>()}; }

VariableEntry entry(const std::string& name, const YAML::Node& node) {
  VariableEntry e;
  e.name = name;
  e.long_name = node["long_name"].as<std::string>();
  e.standard_name = node["standard_name"].as<std::string>();
  e.units = node["units"].as<std::string>();
  e.level.type = level_type(node["level"].as<std::string>());
  if (node["height_m"]) e.level.value = node["height_m"].as<double>();
  e.short_name = node["short_name"].as<std::string>();
  e.param_ids = node["grib"].as<std::vector<int>>();
  e.wb2_name = node["wb2"].as<std::string>();
  e.spellings = node["spellings"].as<std::vector<std::string>>();
  if (node["plausible"]) e.plausible[0] = plausible_values(node["plausible"]);
  if (const YAML::Node levels = node["plausible_by_level"])
    for (const auto& item : levels) e.plausible[item.first.as<double>()] = plausible_values(item.second);
  return e;
}

bool is_spelled(const VariableEntry& e, std::string_view text) {
  return text == e.name || text == e.wb2_name ||
         std::find(e.spellings.begin(), e.spellings.end(), text) != e.spellings.end();
}

}  // namespace

const std::vector<VariableEntry>& variable_table() {
  static const std::vector<VariableEntry> table = [] {
    std::vector<VariableEntry> rows;
    for (const auto& item : YAML::Load(kVariablesYaml))
      rows.push_back(entry(item.first.as<std::string>(), item.second));
    return rows;
  }();
  return table;
}

const VariableEntry* find_variable(std::string_view canonical_name) {
  for (const VariableEntry& e : variable_table())
    if (e.name == canonical_name) return &e;
  return nullptr;
}

const VariableEntry* find_spelling(std::string_view spelling, bool on_levels) {
  for (const VariableEntry& e : variable_table())
    if (is_spelled(e, spelling)) {
      if (e.name == "z" && !on_levels) return find_variable("zs");
      return &e;
    }
  return nullptr;
}

const VariableEntry* find_param(int param_id, LevelType level) {
  const auto fits = [&](const VariableEntry& e) {
    if (std::find(e.param_ids.begin(), e.param_ids.end(), param_id) == e.param_ids.end()) return false;
    if (e.is_upper() || level == LevelType::Pressure) return e.level.type == level;
    return level != LevelType::Other;  // centres type surface fields as surface, heightAboveGround or meanSea
  };
  for (const VariableEntry& e : variable_table())
    if (fits(e)) return &e;
  return nullptr;
}

std::optional<Channel> find_channel(std::string_view channel) {
  if (const VariableEntry* e = find_spelling(channel, true); e != nullptr && !e->is_upper())
    return Channel{e, e->level};
  const size_t digits = channel.find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits + 1 == channel.size()) return std::nullopt;
  int level = 0;
  std::from_chars(channel.data() + digits + 1, channel.data() + channel.size(), level);
  std::string_view name = channel.substr(0, digits + 1);
  if (name.size() > 1 && name.back() == '_') name.remove_suffix(1);
  const VariableEntry* e = find_spelling(name, true);
  if (e == nullptr || !e->is_upper() || level < 1 || level > 1100) return std::nullopt;
  return Channel{e, {LevelType::Pressure, static_cast<double>(level)}};
}

}  // namespace pear::io
