#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/progress.h"
#include "cli/inspect.h"
#include "cli/spread.h"
#include "io/reader.h"

namespace pear::cli {
namespace {

struct Variable {
  std::string name, units;
  std::vector<std::string> levels;
  std::set<std::string> times;
  std::set<int> members;
  std::string grid;
  size_t num_fields = 0;
  Spread spread;
};

void add_once(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

nlohmann::json to_json(const Variable& v) {
  nlohmann::json out = {{"name", v.name}, {"units", v.units},       {"levels", v.levels},
                        {"grid", v.grid}, {"fields", v.num_fields}, {"members", v.members.size()}};
  v.spread.write(out);
  return out;
}

std::string shorten(const std::vector<std::string>& items) {
  constexpr size_t kShown = 4;
  if (items.size() <= kShown) return fmt::format("{}", fmt::join(items, ", "));
  return fmt::format("{}, {} ... {} ({})", items[0], items[1], items.back(), items.size());
}

std::string line(const Variable& v) {
  return fmt::format("  {:<10} {:<10} {} x {:<28} {}\n", v.name, v.units, v.num_fields, shorten(v.levels),
                     v.spread.text());
}

}  // namespace

CommandResult inspect_fields(const std::filesystem::path& path, bool verify) {
  const auto reader = io::open_fields(path);
  std::vector<Variable> variables;
  std::map<std::string, size_t> index;
  std::set<std::string> times;
  std::vector<std::string> grids;
  Progress progress("inspect", static_cast<int64_t>(reader->fields().size()), "fields");
  for (size_t i = 0; i < reader->fields().size(); ++i) {
    const io::Field field = reader->read(i);
    const std::string grid = field.grid ? field.grid->spec() : "";
    const auto [at, is_new] = index.try_emplace(field.name + "|" + field.units + "|" + grid, variables.size());
    if (is_new) variables.push_back({.name = field.name, .units = field.units, .grid = grid});
    Variable& v = variables[at->second];
    add_once(v.levels, io::to_string(field.level));
    add_once(grids, grid);
    v.members.insert(field.member);
    if (field.has_time) times.insert(format_time(field.valid_time));
    ++v.num_fields;
    v.spread.add(field.values.span());
    progress.update(static_cast<int64_t>(i + 1));
  }
  progress.finish();
  CommandResult out;
  const std::vector<std::string> all_times(times.begin(), times.end());
  out.text = fmt::format("{}: {} with {} fields\ngrid            {}\nvalid times     {}\n", path.string(),
                         reader->format(), reader->fields().size(), fmt::join(grids, ", "), shorten(all_times));
  nlohmann::json list = nlohmann::json::array();
  for (const Variable& v : variables) {
    out.text += line(v);
    list.push_back(to_json(v));
  }
  for (const std::string& problem : reader->problems()) out.text += "problem: " + problem + "\n";
  out.result = {{"kind", "fields"},
                {"format", reader->format()},
                {"grid", grids.size() == 1 ? nlohmann::json(grids[0]) : nlohmann::json(grids)},
                {"variables", list},
                {"times", all_times},
                {"fields", reader->fields().size()},
                {"problems", reader->problems()}};
  if (verify) out.text += "every field was decoded\n";
  return out;
}

}  // namespace pear::cli
