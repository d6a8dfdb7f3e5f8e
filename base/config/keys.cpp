#include "base/config/keys.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <numeric>

#include "base/config/walk.h"
#include "base/config/writer.h"

namespace pear {
namespace {

// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string_view last_part(std::string_view key) {
  const size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}
std::string_view parent_part(std::string_view key) {
  const size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

std::string initials(std::string_view word) {
  std::string out;
  for (size_t i = 0; i < word.size(); ++i)
    if (i == 0 || word[i - 1] == '_') out += word[i];
  return out;
}

// Cost of taking `known` for `wrong`; larger than kFar means unrelated.
constexpr double kFar = 1.0;
double word_cost(std::string_view wrong, std::string_view known) {
  const size_t distance = edit_distance(wrong, known);
  const size_t longer = std::max(wrong.size(), known.size());
  const size_t allowed = longer <= 3 ? 1 : std::max<size_t>(2, longer / 3);
  return distance > allowed ? 2 * kFar : 0.9 * static_cast<double>(distance) / static_cast<double>(allowed + 1);
}

bool doc_speaks_of(const std::string& doc, std::string_view wrong) {
  std::string words(wrong);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words.size() >= 4 && doc.find(words) != std::string::npos;
}

double key_cost(std::string_view wrong, const KeyInfo& info) {
  const std::string_view w = last_part(wrong), k = last_part(info.key);
  double cost = word_cost(w, k);
  if (w.size() > k.size() && k.size() >= 2 && initials(w) == k) cost = std::min(cost, 0.3);
  if (doc_speaks_of(info.doc, w)) cost = std::min(cost, 0.5);
  if (w.size() >= 3 && (k.starts_with(w) || (k.size() >= 4 && w.starts_with(k)))) cost = std::min(cost, 0.6);
  // A key of another section is a weaker guess, unless only the section is misspelt.
  if (parent_part(wrong) != parent_part(info.key)) {
    if (w == k)
      cost = 0.5 + 0.1 * word_cost(parent_part(wrong), parent_part(info.key));
    else
      cost += word_cost(parent_part(wrong), parent_part(info.key)) > kFar ? 0.6 : 0.3;
  }
  return cost;
}

void append_leaf(std::vector<KeyInfo>& out, const FieldAccess& field, const std::string& key, const FieldDoc& doc) {
  KeyInfo info{.key = key,
               .type = type_name(field),
               .default_text = flow_yaml(field),
               .unit = std::string(doc.unit),
               .doc = std::string(doc.doc)};
  for (std::string_view choice : doc.choices) info.choices.emplace_back(choice);
  out.push_back(std::move(info));
}

void append(std::vector<KeyInfo>& out, const FieldAccess& field, const std::string& key, const FieldDoc& doc);

bool holds_struct(const FieldAccess& field) { return std::holds_alternative<StructAccess>(field.target); }

void append_list(std::vector<KeyInfo>& out, const ListAccess& list, const std::string& key) {
  const bool was_empty = list.size() == 0;
  if (was_empty) list.resize(1);
  if (const FieldAccess element = list.at(0); holds_struct(element)) append(out, element, key + "[]", {});
  if (was_empty) list.resize(0);
}

void append_optional(std::vector<KeyInfo>& out, const OptionalAccess& optional, const std::string& key) {
  const bool was_empty = !optional.has_value();
  if (const FieldAccess element = optional.get(); holds_struct(element)) append(out, element, key, {});
  if (was_empty) optional.reset();
}

void append_map(std::vector<KeyInfo>& out, const MapAccess& map, const std::string& key) {
  const std::string name = "<name>";
  if (const FieldAccess element = map.at(name); holds_struct(element)) append(out, element, key + "." + name, {});
  map.erase(name);
}

void append(std::vector<KeyInfo>& out, const FieldAccess& field, const std::string& key, const FieldDoc& doc) {
  if (const auto* s = std::get_if<StructAccess>(&field.target)) {
    s->visit([&](std::string_view name, const FieldAccess& child, const FieldDoc& child_doc) {
      append(out, child, join(key, name), child_doc);
    });
    return;
  }
  append_leaf(out, field, key, doc);
  if (const auto* list = std::get_if<ListAccess>(&field.target)) append_list(out, *list, key);
  if (const auto* optional = std::get_if<OptionalAccess>(&field.target)) append_optional(out, *optional, key);
  if (const auto* map = std::get_if<MapAccess>(&field.target)) append_map(out, *map, key);
}

}  // namespace

std::string type_name(const FieldAccess& field) {
  const auto element_of_list = [](const ListAccess& list) {
    const bool was_empty = list.size() == 0;
    if (was_empty) list.resize(1);
    const std::string name = type_name(list.at(0));
    if (was_empty) list.resize(0);
    return "list of " + name;
  };
  const auto element_of_optional = [](const OptionalAccess& optional) {
    const bool was_empty = !optional.has_value();
    const std::string name = type_name(optional.get());
    if (was_empty) optional.reset();
    return name + " or null";
  };
  const auto element_of_map = [](const MapAccess& map) {
    const std::string name = type_name(map.at("<name>"));
    map.erase("<name>");
    return "map of " + name;
  };
  return std::visit(
      Overloaded{[](bool*) -> std::string { return "true|false"; }, [](int64_t*) -> std::string { return "integer"; },
                 [](double*) -> std::string { return "number"; }, [](std::string*) -> std::string { return "text"; },
                 [](Path*) -> std::string { return "path"; }, [](Time*) -> std::string { return "time"; },
                 [](Duration*) -> std::string { return "duration"; },
                 [](TimeSelection*) -> std::string { return "times"; }, element_of_list, element_of_optional,
                 element_of_map, [](const StructAccess&) -> std::string { return "section"; }},
      field.target);
}

std::vector<KeyInfo> list_keys(const FieldAccess& root, const std::string& prefix) {
  std::vector<KeyInfo> keys;
  append(keys, root, prefix, {});
  return keys;
}

std::string nearest_key(std::string_view wrong, const std::vector<KeyInfo>& known) {
  // Sections are keys too: `trian: {…}` means `train`.
  std::vector<KeyInfo> all = known;
  for (const KeyInfo& info : known)
    for (std::string_view section = parent_part(info.key); !section.empty(); section = parent_part(section))
      if (std::none_of(all.begin(), all.end(), [&](const KeyInfo& k) { return k.key == section; }))
        all.push_back({.key = std::string(section)});
  const KeyInfo* best = nullptr;
  double best_cost = std::numeric_limits<double>::infinity();
  for (const KeyInfo& info : all)
    if (const double cost = key_cost(wrong, info); cost < best_cost) {
      best = &info;
      best_cost = cost;
    }
  return best != nullptr && best_cost < kFar ? best->key : "";
}

std::string nearest_word(std::string_view wrong, const std::vector<std::string>& known) {
  std::string best;
  double best_cost = kFar;
  for (const std::string& word : known)
    if (const double cost = word_cost(wrong, word); cost < best_cost) {
      best = word;
      best_cost = cost;
    }
  return best;
}

}  // namespace pear
