#include "io/store_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "io/cf_output.h"
#include "io/store_json.h"

namespace pear::io {
namespace {

[[noreturn]] void differs(const std::filesystem::path& directory, const std::string& what, const std::string& have,
                          const std::string& asked) {
  throw DataError("StoreMismatch", "io.store",
                  {.what = fmt::format("{} is a store with another {}", directory.string(), what),
                   .expected = asked,
                   .found = have,
                   .hint = "choose another data.store, or remove this one"});
}

std::string variable_text(const std::vector<StoreVariable>& variables) {
  std::string text;
  for (const auto& v : variables)
    text +=
        fmt::format("{}{} ({}; levels {})", text.empty() ? "" : ", ", v.name, v.units, fmt::join(v.levels_hpa, " "));
  return text;
}

void compare_times(const StoreLayout& have, const StoreLayout& asked, const std::filesystem::path& directory) {
  if (have.times == asked.times) return;
  const auto text = [](const std::vector<Time>& times) {
    if (times.empty()) return std::string("no times");
    return fmt::format("{} times, {} to {}", times.size(), format_time(times.front()), format_time(times.back()));
  };
  std::string what = "list of times";
  for (const Time t : asked.times)
    if (!std::binary_search(have.times.begin(), have.times.end(), t)) {
      what += fmt::format(" ({} is new)", format_time(t));
      break;
    }
  differs(directory, what, text(have.times), text(asked.times));
}

[[noreturn]] void bad_layout(const std::string& what, const std::string& expected) {
  throw ConfigError("BadStoreLayout", "io.store", {.what = what, .expected = expected});
}

}  // namespace

std::string part_file_name(Time t) { return "part_" + format_time_compact(t) + ".nc"; }
std::string missing_file_name(Time t) { return "missing_" + format_time_compact(t) + ".json"; }

std::string StoreIndex::fingerprint() const {
  nlohmann::json j = {
      {"layout", layout_json(layout)}, {"parts", nlohmann::json::array()}, {"missing", nlohmann::json::array()}};
  for (const auto& part : parts) j["parts"].push_back({format_time(part.time), part.sha256});
  for (const auto& entry : missing) j["missing"].push_back(format_time(entry.first));
  return sha256_hex(j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void check_same_store(const StoreIndex& have, const StoreLayout& layout, const StoreBuildOptions& options,
                      const std::filesystem::path& directory) {
  const StoreLayout& own = have.layout;
  if (!(own.grid == layout.grid)) differs(directory, "grid", own.grid.spec(), layout.grid.spec());
  if (own.variables != layout.variables)
    differs(directory, "list of variables, units or levels", variable_text(own.variables),
            variable_text(layout.variables));
  compare_times(own, layout, directory);
  if (own.kind != layout.kind) differs(directory, "kind", own.kind, layout.kind);
  if (own.source != layout.source) differs(directory, "source product", own.source, layout.source);
  if (own.missing_times != layout.missing_times)
    differs(directory, "policy for missing times", own.missing_times, layout.missing_times);
  if (have.options.compress != options.compress)
    differs(directory, "storage", have.options.compress ? "compressed" : "raw",
            options.compress ? "compressed" : "raw");
  if (have.options.allow_nan != options.allow_nan)
    differs(directory, "list of variables that may hold NaN",
            fmt::format("[{}]", fmt::join(have.options.allow_nan, ", ")),
            fmt::format("[{}]", fmt::join(options.allow_nan, ", ")));
}

void check_layout(const StoreLayout& layout) {
  check_cf_grid(layout.grid);
  if (layout.variables.empty()) bad_layout("a store without variables", "at least one variable");
  if (layout.times.empty()) bad_layout("a store without times", "at least one time");
  if (!std::is_sorted(layout.times.begin(), layout.times.end()) ||
      std::adjacent_find(layout.times.begin(), layout.times.end()) != layout.times.end())
    bad_layout("times of a store", "ascending times, each once");
  if (layout.missing_times != "error" && layout.missing_times != "skip")
    bad_layout("policy for missing times '" + layout.missing_times + "'", "error or skip");
  std::set<std::string> names;
  for (const auto& v : layout.variables) {
    const auto letter = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    if (v.name.empty() || std::isalpha(static_cast<unsigned char>(v.name[0])) == 0 ||
        !std::all_of(v.name.begin(), v.name.end(), letter))
      bad_layout("variable name '" + v.name + "'", "letters, digits and _, starting with a letter");
    if (!names.insert(v.name).second) bad_layout("variable " + v.name + " stands twice in the layout", "one entry");
    if (std::set<double>(v.levels_hpa.begin(), v.levels_hpa.end()).size() != v.levels_hpa.size() ||
        !std::all_of(v.levels_hpa.begin(), v.levels_hpa.end(), [](double p) { return std::isfinite(p) && p > 0; }))
      bad_layout("levels of variable " + v.name, "positive pressures, each once");
  }
}

std::vector<double> statistics_weights(const sphere::Grid& grid) {
  if (grid.is_healpix()) return {};
  std::vector<double> weights = grid.areas_sr();
  const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  for (double& w : weights) w /= mean;
  return weights;
}

}  // namespace pear::io
