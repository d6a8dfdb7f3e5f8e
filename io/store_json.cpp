#include "io/store_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"

namespace pear::io {
namespace {

using nlohmann::json;
constexpr const char* kFormat = "pear store";
constexpr int kVersion = 1;

struct Contradiction : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void require(bool condition, const std::string& what) {
  if (!condition) throw Contradiction(what);
}

// Reasons and provenance may hold bytes that are not UTF-8 (file names): replaced, not refused.
std::string dump(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

// JSON knows no NaN or infinity: null is NaN (an empty sample), whose extremes are infinite.
double number_or_nan(const json& j) { return j.is_null() ? std::nan("") : j.get<double>(); }

json moments_json(const VariableMoments& all) {
  json j = json::array();
  for (const auto& levels : all) {
    json rows = json::array();
    for (const Moments& m : levels)
      rows.push_back(m.weight > 0 ? json{m.weight, m.mean, m.m2, m.min, m.max}
                                  : json{0, nullptr, nullptr, nullptr, nullptr});
    j.push_back(std::move(rows));
  }
  return j;
}

VariableMoments moments_from_json(const json& j, const StoreLayout& layout) {
  require(j.is_array() && j.size() == layout.variables.size(), "statistics do not fit the variables");
  VariableMoments all;
  for (size_t v = 0; v < j.size(); ++v) {
    require(j[v].is_array() && static_cast<int64_t>(j[v].size()) == layout.variables[v].num_levels(),
            "statistics of " + layout.variables[v].name + " do not fit its levels");
    std::vector<Moments> levels;
    for (const json& row : j[v]) {
      require(row.is_array() && row.size() == 5, "statistics need five numbers");
      if (row[0].get<double>() > 0)
        levels.push_back({row[0].get<double>(), number_or_nan(row[1]), number_or_nan(row[2]), number_or_nan(row[3]),
                          number_or_nan(row[4])});
      else
        levels.emplace_back();
    }
    all.push_back(std::move(levels));
  }
  return all;
}

json part_json(const PartRecord& part) {
  json chunks = json::array();
  for (const auto& c : part.chunks) chunks.push_back({c.offset, c.size, c.crc});
  return {{"time", format_time(part.time)},
          {"file", part.file},
          {"size", part.size},
          {"sha256", part.sha256},
          {"chunks", std::move(chunks)}};
}

PartRecord part_from_json(const json& j, const StoreIndex& index) {
  PartRecord part{.time = parse_time(j.at("time").get<std::string>()),
                  .file = j.at("file").get<std::string>(),
                  .size = j.at("size").get<uint64_t>(),
                  .sha256 = j.at("sha256").get<std::string>(),
                  .chunks = {}};
  require(part.file == part_file_name(part.time), "part name '" + part.file + "' does not belong to its time");
  const json& chunks = j.at("chunks");
  require(chunks.is_array() && chunks.size() == index.layout.variables.size(),
          part.file + ": chunks do not fit the variables");
  const auto cells = static_cast<uint64_t>(index.layout.grid.num_cells());
  for (size_t v = 0; v < chunks.size(); ++v) {
    require(chunks[v].is_array() && chunks[v].size() == 3, part.file + ": a chunk needs three numbers");
    const ChunkPlace c{chunks[v][0].get<uint64_t>(), chunks[v][1].get<uint64_t>(), chunks[v][2].get<uint32_t>()};
    require(c.size <= part.size && c.offset <= part.size - c.size, part.file + ": a chunk lies outside the file");
    const uint64_t raw = static_cast<uint64_t>(index.layout.variables[v].num_levels()) * cells * sizeof(float);
    require(index.options.compress || c.size == raw, part.file + ": a chunk has the wrong size");
    part.chunks.push_back(c);
  }
  return part;
}

json grid_json(const sphere::Grid& grid) {
  json j = {{"spec", grid.spec()}};
  if (grid.is_latlon() && grid.latlon().rows == sphere::RowKind::Regional) {  // its spec is rounded
    j["lat_deg"] = grid.latlon().lat_deg;
    j["lon_deg"] = grid.latlon().lon_deg;
  }
  return j;
}

sphere::Grid grid_from_json(const json& j) {
  if (j.contains("lat_deg"))
    return sphere::Grid(sphere::LatLonGrid{.rows = sphere::RowKind::Regional,
                                           .lat_deg = j.at("lat_deg").get<std::vector<double>>(),
                                           .lon_deg = j.at("lon_deg").get<std::vector<double>>()});
  return sphere::Grid::from_spec(j.at("spec").get<std::string>());
}

json options_json(const StoreBuildOptions& options) {
  json lags = json::array();
  for (const Duration lag : options.tendency_lags) lags.push_back(format_duration(lag));
  json j = {{"compress", options.compress},
            {"allow_nan", options.allow_nan},
            {"tendency_lags", lags},
            {"provenance", options.provenance_json}};
  if (options.statistics_period)
    j["statistics_period"] = {format_time(options.statistics_period->start),
                              format_time(options.statistics_period->end)};
  return j;
}

json index_json(const StoreIndex& index) {
  json j = {{"format", kFormat},
            {"version", kVersion},
            {"state", index.finalised ? "final" : "building"},
            {"layout", layout_json(index.layout)},
            {"options", options_json(index.options)}};
  if (!index.finalised) return j;
  j["fingerprint"] = index.fingerprint();
  j["missing"] = json::array();
  for (const auto& [t, reason] : index.missing) j["missing"].push_back({format_time(t), reason});
  j["statistics"] = moments_json(index.moments);
  j["tendencies"] = json::array();
  for (const auto& t : index.tendencies)
    j["tendencies"].push_back({{"lag", format_duration(t.lag)},
                               {"pairs", t.pairs},
                               {"left_out", t.left_out},
                               {"statistics", moments_json(t.moments)}});
  j["parts"] = json::array();
  for (const auto& part : index.parts) j["parts"].push_back(part_json(part));
  return j;
}

void read_content(const json& j, StoreIndex& index) {
  for (const json& entry : j.at("missing"))
    index.missing.emplace_back(parse_time(entry.at(0).get<std::string>()), entry.at(1).get<std::string>());
  for (const json& part : j.at("parts")) index.parts.push_back(part_from_json(part, index));
  std::vector<Time> all;
  for (const auto& part : index.parts) all.push_back(part.time);
  require(std::is_sorted(all.begin(), all.end()), "parts are not in the order of time");
  for (const auto& entry : index.missing) all.push_back(entry.first);
  std::sort(all.begin(), all.end());
  require(all == index.layout.times, "parts and missing dates together are not the times of the layout");
  index.moments = moments_from_json(j.at("statistics"), index.layout);
  for (const json& t : j.at("tendencies"))
    index.tendencies.push_back({parse_duration(t.at("lag").get<std::string>()), t.at("pairs").get<int64_t>(),
                                t.at("left_out").get<int64_t>(), moments_from_json(t.at("statistics"), index.layout)});
  require(j.at("fingerprint").get<std::string>() == index.fingerprint(),
          "the fingerprint does not belong to the content");
}

StoreIndex index_from_json(const json& j) {
  require(j.is_object() && j.value("format", "") == kFormat, "it is not a pear store");
  require(j.at("version").get<int>() == kVersion,
          fmt::format("version {} is not {}", j.at("version").dump(), kVersion));
  StoreIndex index;
  const auto state = j.at("state").get<std::string>();
  require(state == "final" || state == "building", "unknown state '" + state + "'");
  index.finalised = state == "final";
  index.layout = layout_from_json(j.at("layout"));
  const json& options = j.at("options");
  index.options.compress = options.at("compress").get<bool>();
  index.options.allow_nan = options.at("allow_nan").get<std::vector<std::string>>();
  for (const json& lag : options.at("tendency_lags"))
    index.options.tendency_lags.push_back(parse_duration(lag.get<std::string>()));
  if (options.contains("statistics_period"))
    index.options.statistics_period = {parse_time(options.at("statistics_period").at(0).get<std::string>()),
                                       parse_time(options.at("statistics_period").at(1).get<std::string>())};
  index.options.provenance_json = options.at("provenance").get<std::string>();
  check_layout(index.layout);
  if (index.finalised) read_content(j, index);
  return index;
}

[[noreturn]] void damaged(const std::filesystem::path& path, const std::string& found) {
  throw DataError("StoreMismatch", "io.store",
                  {.what = "cannot use " + path.string(),
                   .expected = "the index of a store written by pear ingest",
                   .found = found,
                   .hint = "build the store again"});
}

}  // namespace

json layout_json(const StoreLayout& layout) {
  json variables = json::array(), times = json::array();
  for (const auto& v : layout.variables)
    variables.push_back({{"name", v.name}, {"units", v.units}, {"levels_hpa", v.levels_hpa}});
  for (const Time t : layout.times) times.push_back(format_time(t));
  return {{"grid", grid_json(layout.grid)},
          {"variables", variables},
          {"times", times},
          {"kind", layout.kind},
          {"source", layout.source},
          {"missing_times", layout.missing_times}};
}

StoreLayout layout_from_json(const json& j) {
  StoreLayout layout;
  layout.grid = grid_from_json(j.at("grid"));
  for (const json& v : j.at("variables"))
    layout.variables.push_back({v.at("name").get<std::string>(), v.at("units").get<std::string>(),
                                v.at("levels_hpa").get<std::vector<double>>()});
  for (const json& t : j.at("times")) layout.times.push_back(parse_time(t.get<std::string>()));
  layout.kind = j.at("kind").get<std::string>();
  layout.source = j.at("source").get<std::string>();
  layout.missing_times = j.at("missing_times").get<std::string>();
  return layout;
}

std::string to_text(const StoreIndex& index) {
  json j = index_json(index);
  j["checksum"] = sha256_hex(dump(j));
  std::string text = "{";
  for (const auto& [key, value] : j.items()) {
    text += fmt::format("{}\n{}: ", text.size() > 1 ? "," : "", dump(json(key)));
    if (key != "parts") {
      text += dump(value);
      continue;
    }
    text += "[";
    for (size_t i = 0; i < value.size(); ++i) text += (i > 0 ? ",\n  " : "\n  ") + dump(value[i]);
    text += "\n]";
  }
  return text + "\n}\n";
}

StoreIndex read_store_index(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / kStoreFile;
  if (!std::filesystem::exists(path))
    throw DataError("FileNotFound", "io.store",
                    {.what = directory.string() + " is not a store",
                     .expected = "a folder with store.json",
                     .found = std::filesystem::exists(directory) ? "no store.json" : "no such folder",
                     .hint = "run pear ingest first, or correct data.store"});
  json j = parse_json(read_text(path));
  if (j.is_discarded() || !j.is_object()) damaged(path, "text that is not a JSON object");
  const json checksum = j.contains("checksum") ? j["checksum"] : json();
  j.erase("checksum");
  if (!checksum.is_string() || checksum.get<std::string>() != sha256_hex(dump(j)))
    throw DataError("ChecksumMismatch", "io.store",
                    {.what = path.string() + " was changed after it had been written",
                     .expected = "SHA-256 as stored in it",
                     .found = "another one",
                     .hint = "build the store again"});
  try {
    return index_from_json(j);
  } catch (const Contradiction& e) {
    damaged(path, e.what());
  } catch (const json::exception& e) {
    damaged(path, e.what());
  } catch (const ConfigError& e) {
    damaged(path, e.what());
  } catch (const ShapeError& e) {
    damaged(path, e.what());
  }
}

}  // namespace pear::io
