#include "base/config/document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/files.h"

namespace pear {
namespace {

constexpr int kDeepest = 32;           // deeper nesting, or an alias to itself, is refused
constexpr size_t kMostNodes = 100000;  // aliases of aliases grow without bound

/// Turns yaml-cpp's nodes into ours.
class Converter {
 public:
  Converter(ConfigOrigin::Kind kind, std::string file, std::vector<LocatedIssue>& issues)
      : kind_(kind), file_(std::move(file)), issues_(issues) {}

  ConfigOrigin origin(const YAML::Mark& mark) const { return {kind_, file_, mark.line + 1}; }

  ConfigNode convert(const YAML::Node& node, const std::string& key, const ConfigOrigin& origin, int depth = 0) {
    if (depth > kDeepest || ++nodes_ > kMostNodes)
      throw ConfigError("BadYaml", "config", {.what = origin.text() + ": nested too deeply or too long"});
    ConfigNode out{.origin = origin};
    if (node.IsScalar()) {
      out.kind = ConfigNode::Kind::Scalar;
      out.text = node.Scalar();
      out.quoted = node.Tag() == "!";
      check_tag(node, key, origin);
    } else if (node.IsSequence()) {
      out.kind = ConfigNode::Kind::List;
      for (size_t i = 0; i < node.size(); ++i)
        out.items.push_back(convert(node[i], fmt::format("{}[{}]", key, i), this->origin(node[i].Mark()), depth + 1));
    } else if (node.IsMap()) {
      out.kind = ConfigNode::Kind::Map;
      convert_map(node, key, out, depth);
    }
    return out;
  }

 private:
  void convert_map(const YAML::Node& node, const std::string& key, ConfigNode& out, int depth) {
    for (const auto& entry : node) {
      const ConfigOrigin at = origin(entry.first.Mark());
      if (!entry.first.IsScalar()) {
        issues_.push_back({"BadYaml", at, key, "a key must be a plain word", ""});
        continue;
      }
      const std::string name = entry.first.Scalar();
      const std::string dotted = key.empty() ? name : key + "." + name;
      if (const ConfigNode* first = out.find(name)) {
        issues_.push_back({"DuplicateKey", at, dotted, "duplicate key " + dotted,
                           "It is also in line " + std::to_string(first->origin.line)});
        continue;
      }
      out.entries.push_back({name, convert(entry.second, dotted, at, depth + 1)});
    }
  }

  void check_tag(const YAML::Node& node, const std::string& key, const ConfigOrigin& origin) {
    const std::string& tag = node.Tag();
    if (!tag.empty() && tag != "!" && tag != "?")
      issues_.push_back({"BadYaml", origin, key, fmt::format("{}: the YAML tag {} is not supported", key, tag), ""});
  }

  ConfigOrigin::Kind kind_;
  std::string file_;
  std::vector<LocatedIssue>& issues_;
  size_t nodes_ = 0;
};

/// Notes where documents start and ignores what is in them.
class DocumentStarts : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
  std::vector<YAML::Mark> marks;
};

struct FirstDocument {
  YAML::Node node;
  std::optional<YAML::Mark> second;  ///< where another one starts
};

/// The first document of a text, and whether that was all. Not YAML::LoadAll: where a document starts with a comma,
/// yaml-cpp 0.7 finds one empty document after the other without moving on, for ever.
FirstDocument first_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  while (starts.marks.size() < 2 && parser.HandleNextDocument(starts)) {
  }
  FirstDocument first;
  if (!starts.marks.empty()) first.node.reset(YAML::Load(text));
  if (starts.marks.size() > 1) first.second = starts.marks[1];
  return first;
}

[[noreturn]] void bad_yaml(const std::string& place, const YAML::Exception& e) {
  throw ConfigError("BadYaml", "config", {.what = fmt::format("{}: not valid YAML ({})", place, e.msg)});
}

}  // namespace

std::string ConfigOrigin::text() const {
  if (kind == Kind::Default) return "default";
  if (kind == Kind::CommandLine) return "command line";
  return fmt::format("{}:{}", file, line);
}

std::string LocatedIssue::line() const {
  // A default that fails its check has no line to point at: the key says enough.
  std::string out = origin.kind == ConfigOrigin::Kind::Default ? text : origin.text() + ": " + text;
  if (hint.empty()) return out;
  out += ". ";
  out += static_cast<char>(std::toupper(static_cast<unsigned char>(hint.front())));
  return out + hint.substr(1);
}

const ConfigNode* ConfigNode::find(std::string_view key) const {
  for (const auto& entry : entries)
    if (entry.key == key) return &entry.node;
  return nullptr;
}

ConfigNode parse_document(std::string_view text, const std::string& file_name, std::vector<LocatedIssue>& issues) {
  FirstDocument first;
  try {
    first = first_document(std::string(text));
  } catch (const YAML::Exception& e) {
    bad_yaml(fmt::format("{}:{}:{}", file_name, e.mark.line + 1, e.mark.column + 1), e);
  }
  Converter converter(ConfigOrigin::Kind::File, file_name, issues);
  if (first.second)
    issues.push_back({"BadYaml", converter.origin(*first.second), "", "a second YAML document starts here", ""});
  ConfigNode top{.kind = ConfigNode::Kind::Map, .origin = {ConfigOrigin::Kind::File, file_name, 1}};
  if (first.node.IsNull()) return top;
  top = converter.convert(first.node, "", top.origin);
  if (top.kind != ConfigNode::Kind::Map)
    throw ConfigError("WrongType", "config",
                      {.what = file_name + ":1: the file holds no sections", .expected = "a map `section: …`"});
  return top;
}

ConfigNode read_document(const std::filesystem::path& file, std::vector<LocatedIssue>& issues) {
  const auto load = [&](const std::filesystem::path& path, const std::string& hint) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored))
      throw ConfigError("FileNotFound", "config",
                        {.what = "config file " + path.string() + " does not exist", .hint = hint});
    return parse_document(read_text(path), path.string(), issues);
  };
  const auto take_extends = [](ConfigNode& node) {
    std::optional<ConfigNode> found;
    std::erase_if(node.entries, [&](auto& entry) {
      if (entry.key != "extends") return false;
      found = std::move(entry.node);
      return true;
    });
    return found;
  };
  ConfigNode node = load(file, "");
  const std::optional<ConfigNode> extends = take_extends(node);
  if (!extends) return node;
  if (extends->kind != ConfigNode::Kind::Scalar) {
    issues.push_back({"WrongType", extends->origin, "extends", "extends: expected one file name", ""});
    return node;
  }
  const std::filesystem::path parent = (file.parent_path() / extends->text).lexically_normal();
  ConfigNode base = load(parent, "it is named by extends in " + extends->origin.text());
  if (const auto second = take_extends(base))
    issues.push_back(
        {"NestedExtends", second->origin, "extends",
         fmt::format("{} is itself extended by {}, and extends works once", parent.string(), file.string()),
         "Name the last file of the chain directly"});
  merge_into(base, std::move(node));
  return base;
}

ConfigNode parse_override(const std::string& text, std::vector<LocatedIssue>& issues) {
  const ConfigOrigin origin{ConfigOrigin::Kind::CommandLine, "", 0};
  const size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const bool well_formed =
      equals != std::string::npos && !key.empty() && key.front() != '.' && key.back() != '.' &&
      key.find("..") == std::string::npos &&
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == std::string::npos;
  ConfigNode top{.kind = ConfigNode::Kind::Map, .origin = origin};
  if (!well_formed) {
    issues.push_back({"BadOverride", origin, "", fmt::format("'{}' is not an override", text), "Write key.sub=value"});
    return top;
  }
  ConfigNode value;
  try {
    const YAML::Node parsed = YAML::Load(text.substr(equals + 1));
    value = Converter(ConfigOrigin::Kind::CommandLine, "", issues).convert(parsed, key, origin);
  } catch (const YAML::Exception& e) {
    bad_yaml("command line: " + text, e);
  }
  for (size_t end = key.size(); end != std::string::npos;) {
    const size_t dot = key.rfind('.', end - 1);
    const size_t start = dot == std::string::npos ? 0 : dot + 1;
    ConfigNode outer{.kind = ConfigNode::Kind::Map, .origin = origin};
    outer.entries.push_back({key.substr(start, end - start), std::move(value)});
    value = std::move(outer);
    end = dot;
  }
  return value;
}

void merge_into(ConfigNode& base, ConfigNode over) {
  if (base.kind != ConfigNode::Kind::Map || over.kind != ConfigNode::Kind::Map) {
    base = std::move(over);
    return;
  }
  base.origin = over.origin;
  for (ConfigEntry& entry : over.entries) {
    auto at = std::find_if(base.entries.begin(), base.entries.end(), [&](const auto& e) { return e.key == entry.key; });
    if (at == base.entries.end())
      base.entries.push_back(std::move(entry));
    else
      merge_into(at->node, std::move(entry.node));
  }
}

}  // namespace pear
