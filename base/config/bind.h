// Type-erased view of a config struct, so that readers and writers are compiled once and not per struct.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/config/field.h"

namespace pear {

struct FieldAccess;
using FieldCallback = std::function<void(std::string_view name, const FieldAccess& field, const FieldDoc& doc)>;

/// std::vector<T>
struct ListAccess {
  std::function<size_t()> size;
  std::function<void(size_t)> resize;
  std::function<FieldAccess(size_t)> at;
};

/// std::optional<T>
struct OptionalAccess {
  std::function<bool()> has_value;
  std::function<void()> reset;
  std::function<FieldAccess()> get;  ///< makes a default value first if there is none
};

/// std::map<std::string, T>
struct MapAccess {
  std::function<std::vector<std::string>()> keys;
  std::function<void(const std::string&)> erase;
  std::function<FieldAccess(const std::string&)> at;  ///< makes a default value first if there is none
};

/// A struct with `visit_fields`, and `validate` if it has one (else empty).
struct StructAccess {
  std::function<void(const FieldCallback&)> visit;
  std::function<void(ConfigIssues&, const std::string& path)> validate;
};

/// One field of a config struct, bound to its memory.
struct FieldAccess {
  std::variant<bool*, int64_t*, double*, std::string*, Path*, Time*, Duration*, TimeSelection*, ListAccess,
               OptionalAccess, MapAccess, StructAccess>
      target;
};

template <class T>
FieldAccess bind_field(T& value);

namespace detail {

template <class T>
struct Binder {  // structs
  static FieldAccess bind(T& value) {
    StructAccess access;
    access.visit = [&value](const FieldCallback& callback) {
      value.visit_fields([&callback](std::string_view name, auto& field, const FieldDoc& doc) {
        callback(name, bind_field(field), doc);
      });
    };
    if constexpr (requires(ConfigIssues & issues, const std::string& path) { value.validate(issues, path); })
      access.validate = [&value](ConfigIssues& issues, const std::string& path) { value.validate(issues, path); };
    return {std::move(access)};
  }
};

template <class T>
struct Binder<std::vector<T>> {
  static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no addressable elements");
  static FieldAccess bind(std::vector<T>& v) {
    return {ListAccess{.size = [&v] { return v.size(); },
                       .resize = [&v](size_t n) { v.resize(n); },
                       .at = [&v](size_t i) { return bind_field(v.at(i)); }}};
  }
};

template <class T>
struct Binder<std::optional<T>> {
  static FieldAccess bind(std::optional<T>& v) {
    return {OptionalAccess{.has_value = [&v] { return v.has_value(); },
                           .reset = [&v] { v.reset(); },
                           .get = [&v] { return bind_field(v.has_value() ? *v : v.emplace()); }}};
  }
};

template <class T>
struct Binder<std::map<std::string, T>> {
  static FieldAccess bind(std::map<std::string, T>& m) {
    MapAccess access;
    access.keys = [&m] {
      std::vector<std::string> keys;
      for (const auto& entry : m) keys.push_back(entry.first);
      return keys;
    };
    access.erase = [&m](const std::string& key) { m.erase(key); };
    access.at = [&m](const std::string& key) { return bind_field(m[key]); };
    return {std::move(access)};
  }
};

template <class T>
inline constexpr bool kIsLeaf = std::is_same_v<T, bool> || std::is_same_v<T, int64_t> || std::is_same_v<T, double> ||
                                std::is_same_v<T, std::string> || std::is_same_v<T, Path> || std::is_same_v<T, Time> ||
                                std::is_same_v<T, Duration> || std::is_same_v<T, TimeSelection>;

}  // namespace detail

/// View of `value`; it must outlive the view.
template <class T>
FieldAccess bind_field(T& value) {
  if constexpr (detail::kIsLeaf<T>)
    return {&value};
  else
    return detail::Binder<T>::bind(value);
}

}  // namespace pear
