#include "base/config/reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "base/config/scalar.h"
#include "base/config/walk.h"
#include "base/config/writer.h"
#include "base/error.h"

namespace pear {
namespace {

std::string describe(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::Null:
      return "nothing";
    case ConfigNode::Kind::List:
      return "a list";
    case ConfigNode::Kind::Map:
      return "a map";
    case ConfigNode::Kind::Scalar:
      break;
  }
  return node.quoted ? fmt::format("the text \"{}\"", node.text) : node.text;
}

/// Walks the struct and the document together.
class Reader {
 public:
  Reader(const FieldAccess& root, ConfigOrigins& origins, std::vector<LocatedIssue>& issues)
      : known_(list_keys(root)), origins_(origins), issues_(issues) {}

  void read_struct(const StructAccess& fields, const ConfigNode& node, const std::string& key) {
    if (node.kind != ConfigNode::Kind::Map) return wrong(node, key, "a section (map of keys)");
    std::set<std::string> used;
    fields.visit([&](std::string_view name, const FieldAccess& field, const FieldDoc& doc) {
      used.emplace(name);
      if (const ConfigNode* child = node.find(name)) read(field, *child, join(key, name), doc);
    });
    for (const auto& [name, child] : node.entries)
      if (!used.contains(name)) unknown(child, key, name, used);
  }

 private:
  void read(const FieldAccess& field, const ConfigNode& node, const std::string& key, const FieldDoc& doc) {
    const bool is_section = std::holds_alternative<StructAccess>(field.target);
    if (!is_section) origins_.record(key, node.origin);
    std::visit(Overloaded{[&](const StructAccess& v) { read_struct(v, node, key); },
                          [&](const ListAccess& v) { read_list(v, node, key, doc); },
                          [&](const OptionalAccess& v) {
                            if (node.kind == ConfigNode::Kind::Null)
                              v.reset();
                            else
                              read(v.get(), node, key, doc);
                          },
                          [&](const MapAccess& v) { read_map(v, node, key, doc); },
                          [&](TimeSelection* v) { read_times(*v, node, key); },
                          [&](auto* leaf) { read_leaf(leaf, node, key, doc); }},
               field.target);
  }

  void read_list(const ListAccess& list, const ConfigNode& node, const std::string& key, const FieldDoc& doc) {
    list.resize(0);
    // One value stands for a list of one: `score.protocol=native`.
    if (node.kind == ConfigNode::Kind::Scalar) {
      list.resize(1);
      return read(list.at(0), node, key, doc);
    }
    if (node.kind != ConfigNode::Kind::List) return wrong(node, key, "a list [a, b, ...]");
    list.resize(node.items.size());
    for (size_t i = 0; i < node.items.size(); ++i) read(list.at(i), node.items[i], fmt::format("{}[{}]", key, i), doc);
  }

  void read_map(const MapAccess& map, const ConfigNode& node, const std::string& key, const FieldDoc& doc) {
    if (node.kind != ConfigNode::Kind::Map) return wrong(node, key, "a map {name: value, ...}");
    for (const auto& [name, child] : node.entries) read(map.at(name), child, join(key, name), doc);
  }

  void read_times(TimeSelection& times, const ConfigNode& node, const std::string& key) {
    times = {};
    if (node.kind == ConfigNode::Kind::Map) {
      PeriodFields fields;
      read_struct(std::get<StructAccess>(bind_field(fields).target), node, key);
      for (const char* name : {"start", "end"})
        if (node.find(name) == nullptr)
          issue("MissingKey", node.origin, key, fmt::format("{}.{} is missing", key, name));
      times.period = fields.period;
      return;
    }
    const auto read_one = [&](const ConfigNode& item, const std::string& item_key) {
      Time time;
      read_leaf(&time, item, item_key, {});
      times.list.push_back(time);
    };
    if (node.kind == ConfigNode::Kind::Scalar) return read_one(node, key);
    if (node.kind != ConfigNode::Kind::List) return wrong(node, key, "a period {start, end, every}, a list or a time");
    for (size_t i = 0; i < node.items.size(); ++i) read_one(node.items[i], fmt::format("{}[{}]", key, i));
  }

  template <class T>
  void read_leaf(T* target, const ConfigNode& node, const std::string& key, const FieldDoc& doc) {
    if constexpr (std::is_same_v<T, Path>) {
      if (node.kind == ConfigNode::Kind::Null) {
        *target = {};
        return;
      }
    }
    if (node.kind != ConfigNode::Kind::Scalar) return wrong(node, key, expected_word<T>());
    try {
      if constexpr (std::is_same_v<T, bool>) *target = parse_bool(node);
      if constexpr (std::is_same_v<T, int64_t>) *target = parse_integer(node, doc.unit);
      if constexpr (std::is_same_v<T, double>) *target = parse_real(node, doc.unit);
      if constexpr (std::is_same_v<T, std::string>) *target = checked_choice(node, parse_string(node), doc);
      if constexpr (std::is_same_v<T, Path>) *target = parse_path(node);
      if constexpr (std::is_same_v<T, Time>) *target = parse_time_value(node);
      if constexpr (std::is_same_v<T, Duration>) *target = parse_duration_value(node);
    } catch (const ScalarRefusal& refusal) {
      issue(refusal.code, node.origin, key,
            fmt::format("{}: expected {}, found {}", key, refusal.expected, describe(node)), refusal.hint);
    }
  }

  template <class T>
  static std::string expected_word() {
    T value{};
    return type_name(bind_field(value));
  }

  static std::string checked_choice(const ConfigNode&, std::string value, const FieldDoc& doc) {
    if (doc.choices.empty() || std::find(doc.choices.begin(), doc.choices.end(), value) != doc.choices.end())
      return value;
    const std::vector<std::string> words(doc.choices.begin(), doc.choices.end());
    const std::string nearest = nearest_word(value, words);
    throw ScalarRefusal{.code = "BadValue",
                        .expected = fmt::format("one of {}", fmt::join(words, ", ")),
                        .hint = nearest.empty() ? "" : fmt::format("Did you mean {}?", nearest)};
  }

  struct PeriodFields {
    Period period;
    template <class Visitor>
    void visit_fields(Visitor&& visit) {
      visit("start", period.start, {.doc = "first time"});
      visit("end", period.end, {.doc = "last time, included"});
      visit("every", period.every, {.doc = "step"});
    }
  };

  void unknown(const ConfigNode& node, const std::string& section, const std::string& name,
               const std::set<std::string>& siblings) {
    std::vector<KeyInfo> candidates = known_;
    for (const std::string& sibling : siblings) candidates.push_back({.key = join(section, sibling)});
    const std::string key = join(section, name);
    const std::string nearest = nearest_key(key, candidates);
    issue("UnknownKey", node.origin, key, "unknown key " + key,
          nearest.empty() ? "" : fmt::format("Did you mean {}?", nearest));
  }
  void wrong(const ConfigNode& node, const std::string& key, const std::string& expected) {
    issue("WrongType", node.origin, key, fmt::format("{}: expected {}, found {}", key, expected, describe(node)));
  }
  void issue(std::string code, const ConfigOrigin& origin, const std::string& key, std::string text,
             std::string hint = "") {
    issues_.push_back({std::move(code), origin, key, std::move(text), std::move(hint)});
  }

  std::vector<KeyInfo> known_;
  ConfigOrigins& origins_;
  std::vector<LocatedIssue>& issues_;
};

// A mistake already reported for the same key (or a part of it) makes the validator's word about it worthless.
bool overlaps(const std::string& a, const std::string& b) {
  const auto inside = [](const std::string& outer, const std::string& inner) {
    return inner == outer || inner.starts_with(outer + ".") || inner.starts_with(outer + "[");
  };
  return inside(a, b) || inside(b, a);
}

void add_validation(const FieldAccess& root, const ConfigOrigins& origins, std::vector<LocatedIssue>& issues) {
  ConfigIssues found;
  validate_fields(root, "", found);
  const size_t num_read_issues = issues.size();
  std::set<std::pair<std::string, std::string>> seen;
  for (const ConfigIssues::Issue& i : found.issues()) {
    const bool repeated = !seen.emplace(i.key, i.what).second;
    const bool stale = std::any_of(
        issues.begin(), issues.begin() + static_cast<std::ptrdiff_t>(num_read_issues), [&](const LocatedIssue& read) {
          return overlaps(read.key, i.key) || (!origins.is_set(i.key) && read.hint == "Did you mean " + i.key + "?");
        });
    if (!repeated && !stale)
      issues.push_back({"Invalid", origins.of(i.key), i.key, i.key.empty() ? i.what : i.key + ": " + i.what, i.hint});
  }
}

}  // namespace

ConfigOrigin ConfigOrigins::of(const std::string& key) const {
  const auto at = origins_.find(key);
  return at == origins_.end() ? ConfigOrigin{} : at->second;
}

void validate_fields(const FieldAccess& field, const std::string& path, ConfigIssues& issues) {
  if (const auto* s = std::get_if<StructAccess>(&field.target)) {
    if (s->validate) s->validate(issues, path);
    s->visit([&](std::string_view name, const FieldAccess& child, const FieldDoc&) {
      validate_fields(child, join(path, name), issues);
    });
  } else if (const auto* list = std::get_if<ListAccess>(&field.target)) {
    for (size_t i = 0; i < list->size(); ++i) validate_fields(list->at(i), fmt::format("{}[{}]", path, i), issues);
  } else if (const auto* optional = std::get_if<OptionalAccess>(&field.target)) {
    if (optional->has_value()) validate_fields(optional->get(), path, issues);
  } else if (const auto* map = std::get_if<MapAccess>(&field.target)) {
    for (const std::string& key : map->keys()) validate_fields(map->at(key), join(path, key), issues);
  }
}

void throw_config_issues(std::vector<LocatedIssue> issues) {
  if (issues.empty()) return;
  // In the order in which the user reads the file, the command line after it.
  std::stable_sort(issues.begin(), issues.end(), [](const LocatedIssue& a, const LocatedIssue& b) {
    return std::tie(a.origin.kind, a.origin.file, a.origin.line) <
           std::tie(b.origin.kind, b.origin.file, b.origin.line);
  });
  const bool one_code =
      std::all_of(issues.begin(), issues.end(), [&](const auto& i) { return i.code == issues[0].code; });
  std::string what = issues[0].line();
  if (issues.size() > 1) {
    what = fmt::format("{} mistakes", issues.size());
    for (const LocatedIssue& i : issues) what += "\n  " + i.line();
  }
  throw ConfigError(one_code ? issues[0].code : "InvalidConfig", "config", {.what = what});
}

ConfigOrigins read_config(const FieldAccess& root, const ConfigInput& input) {
  std::vector<LocatedIssue> issues;
  ConfigNode document{.kind = ConfigNode::Kind::Map};
  if (input.file) document = read_document(*input.file, issues);
  for (const std::string& text : input.overrides) merge_into(document, parse_override(text, issues));
  ConfigOrigins origins;
  Reader(root, origins, issues).read_struct(std::get<StructAccess>(root.target), document, "");
  add_validation(root, origins, issues);
  throw_config_issues(issues);
  return origins;
}

std::vector<ResolvedValue> resolved_values(const FieldAccess& root, const ConfigOrigins& origins) {
  std::vector<ResolvedValue> lines;
  const std::function<void(const FieldAccess&, const std::string&)> walk = [&](const FieldAccess& field,
                                                                               const std::string& key) {
    if (const auto* s = std::get_if<StructAccess>(&field.target)) {
      s->visit([&](std::string_view name, const FieldAccess& child, const FieldDoc&) { walk(child, join(key, name)); });
    } else {
      lines.push_back({key, flow_yaml(field), origins.of(key).text()});
    }
  };
  walk(root, "");
  return lines;
}

}  // namespace pear
