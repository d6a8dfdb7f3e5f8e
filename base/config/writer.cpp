#include "base/config/writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/config/scalar.h"
#include "base/config/walk.h"
#include "base/files.h"

namespace pear {
namespace {

std::string join_flow(const std::vector<std::string>& parts, char open, char close) {
  return fmt::format("{}{}{}", open, fmt::join(parts, ", "), close);
}

std::string flow(const TimeSelection& times) {
  if (times.period)
    return fmt::format("{{start: {}, end: {}, every: {}}}", format_time(times.period->start),
                       format_time(times.period->end), format_duration(times.period->every));
  std::vector<std::string> parts;
  for (Time t : times.list) parts.push_back(format_time(t));
  return join_flow(parts, '[', ']');
}

nlohmann::json json_of(const TimeSelection& times) {
  if (times.period)
    return {{"start", format_time(times.period->start)},
            {"end", format_time(times.period->end)},
            {"every", format_duration(times.period->every)}};
  nlohmann::json list = nlohmann::json::array();
  for (Time t : times.list) list.push_back(format_time(t));
  return list;
}

void write_block(const StructAccess& fields, const std::string& indent, std::string& out);

void write_entry(std::string_view name, const FieldAccess& field, const std::string& indent, std::string& out) {
  const FieldAccess* value = &field;
  FieldAccess inner;
  if (const auto* optional = std::get_if<OptionalAccess>(&field.target); optional != nullptr && optional->has_value()) {
    inner = optional->get();
    value = &inner;
  }
  if (const auto* section = std::get_if<StructAccess>(&value->target)) {
    out += fmt::format("{}{}:\n", indent, name);
    write_block(*section, indent + "  ", out);
  } else {
    out += fmt::format("{}{}: {}\n", indent, name, flow_yaml(*value));
  }
}

void write_block(const StructAccess& fields, const std::string& indent, std::string& out) {
  fields.visit(
      [&](std::string_view name, const FieldAccess& field, const FieldDoc&) { write_entry(name, field, indent, out); });
}

}  // namespace

std::string flow_yaml(const FieldAccess& field) {
  return std::visit(
      Overloaded{[](bool* v) { return std::string(*v ? "true" : "false"); },
                 [](int64_t* v) { return std::to_string(*v); }, [](double* v) { return yaml_text(*v); },
                 [](std::string* v) { return yaml_text(*v); },
                 [](Path* v) { return v->empty() ? std::string("null") : yaml_text(v->value); },
                 [](Time* v) { return format_time(*v); }, [](Duration* v) { return format_duration(*v); },
                 [](TimeSelection* v) { return flow(*v); },
                 [](const ListAccess& list) {
                   std::vector<std::string> parts;
                   for (size_t i = 0; i < list.size(); ++i) parts.push_back(flow_yaml(list.at(i)));
                   return join_flow(parts, '[', ']');
                 },
                 [](const OptionalAccess& v) { return v.has_value() ? flow_yaml(v.get()) : std::string("null"); },
                 [](const MapAccess& map) {
                   std::vector<std::string> parts;
                   for (const std::string& key : map.keys())
                     parts.push_back(yaml_text(key) + ": " + flow_yaml(map.at(key)));
                   return join_flow(parts, '{', '}');
                 },
                 [](const StructAccess& fields) {
                   std::vector<std::string> parts;
                   fields.visit([&](std::string_view name, const FieldAccess& child, const FieldDoc&) {
                     parts.push_back(fmt::format("{}: {}", name, flow_yaml(child)));
                   });
                   return join_flow(parts, '{', '}');
                 }},
      field.target);
}

std::string config_yaml(const FieldAccess& root) {
  std::string out;
  write_block(std::get<StructAccess>(root.target), "", out);
  return out;
}

nlohmann::json config_json(const FieldAccess& field) {
  using nlohmann::json;
  return std::visit(
      Overloaded{[](bool* v) { return json(*v); }, [](int64_t* v) { return json(*v); },
                 [](double* v) { return json(*v); }, [](std::string* v) { return json(*v); },
                 [](Path* v) { return json(v->value); }, [](Time* v) { return json(format_time(*v)); },
                 [](Duration* v) { return json(format_duration(*v)); }, [](TimeSelection* v) { return json_of(*v); },
                 [](const ListAccess& list) {
                   json out = json::array();
                   for (size_t i = 0; i < list.size(); ++i) out.push_back(config_json(list.at(i)));
                   return out;
                 },
                 [](const OptionalAccess& v) { return v.has_value() ? config_json(v.get()) : json(nullptr); },
                 [](const MapAccess& map) {
                   json out = json::object();
                   for (const std::string& key : map.keys()) out[key] = config_json(map.at(key));
                   return out;
                 },
                 [](const StructAccess& fields) {
                   json out = json::object();
                   fields.visit([&](std::string_view name, const FieldAccess& child, const FieldDoc&) {
                     out[std::string(name)] = config_json(child);
                   });
                   return out;
                 }},
      field.target);
}

std::string config_sha256(const FieldAccess& root) { return sha256_hex(config_json(root).dump()); }

}  // namespace pear
