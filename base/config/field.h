// How a component describes its configuration struct (read by YAML reader, --help, docs, writers).
//
//   struct TrainConfig {
//     double lr = 5e-4;
//     Duration warmup{0};
//     template <class Visitor>
//     void visit_fields(Visitor&& visit) {
//       visit("lr", lr, {.doc = "peak learning rate"});
//       visit("schedule", schedule, {.doc = "learning-rate schedule", .choices = {"constant", "cosine"}});
//     }
//     void validate(ConfigIssues& issues, const std::string& path) const;   // optional
//   };
//
// Field types: bool, int64_t, double, std::string, Path, Time, Duration, TimeSelection,
// std::vector<T>, std::optional<T>, std::map<std::string, T>, structs with visit_fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace pear {

/// One line of documentation per key. `choices` limits strings (or lists of strings).
struct FieldDoc {
  std::string_view doc;
  std::string_view unit = "";
  std::vector<std::string_view> choices = {};
};

/// A path field: `${NAME}` is expanded from the environment when read (unset -> ConfigError), `${NAME:-text}` with
/// the text where NAME is unset or empty.
struct Path {
  std::string value;
  bool empty() const { return value.empty(); }
  const std::string& str() const { return value; }
  bool operator==(const Path&) const = default;
};

/// Either a period `{start, end, every}` or an explicit list of times, or one time.
struct TimeSelection {
  std::optional<Period> period;
  std::vector<Time> list;
  bool empty() const { return !period && list.empty(); }
  /// All selected times, ascending.
  std::vector<Time> times() const;
  /// Inside the period (regardless of `every`), or a member of the list.
  bool contains(Time t) const;
};

/// Collects configuration mistakes, so that several are reported together.
class ConfigIssues {
 public:
  /// `key` is the dotted path, e.g. "train.lr".
  void add(std::string key, std::string what, std::string hint = "");
  bool empty() const { return issues_.empty(); }
  struct Issue {
    std::string key, what, hint;
  };
  const std::vector<Issue>& issues() const { return issues_; }

 private:
  std::vector<Issue> issues_;
};

}  // namespace pear
