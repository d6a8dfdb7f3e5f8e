#include "regrid/weight_file.h"

#include <fmt/format.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"

namespace pear::regrid {
namespace {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian");
constexpr size_t kChecksumLength = 64;
constexpr const char* kCorrupt = "WeightsCorrupt";

[[noreturn]] void corrupt(const std::string& name, std::string expected, std::string found) {
  throw DataError(kCorrupt, "regrid.weights",
                  {.what = "weight file " + name,
                   .expected = std::move(expected),
                   .found = std::move(found),
                   .hint = "delete the file: it is made again when it is needed"});
}

template <class Array>
void append(std::string& bytes, const Array& v) {
  bytes.append(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(v[0]));
}

template <class Array>
Array take(std::string_view& bytes, size_t count) {
  Array v(count);
  std::memcpy(v.data(), bytes.data(), count * sizeof(v[0]));
  bytes.remove_prefix(count * sizeof(v[0]));
  return v;
}

nlohmann::json grid_json(const sphere::Grid& g) {
  nlohmann::json out = {{"spec", g.spec()}};
  if (g.is_latlon()) out["lat"] = g.latlon().lat_deg, out["lon"] = g.latlon().lon_deg;  // exact for regional grids
  return out;
}

sphere::Grid grid_from_json(const nlohmann::json& j) {
  if (!j.contains("lat")) return sphere::Grid::from_spec(j.at("spec").get<std::string>());
  const auto lat = j.at("lat").get<std::vector<double>>(), lon = j.at("lon").get<std::vector<double>>();
  return sphere::Grid::from_coordinates(lat, lon);
}

/// Indices that a reader may trust.
void check_matrix(const Weights& w, const std::string& name) {
  const int64_t links = w.num_links();
  if (w.row_start.front() != 0 || w.row_start.back() != links)
    corrupt(name, "row pointers from 0 to " + std::to_string(links), std::to_string(w.row_start.back()));
  for (size_t t = 0; t + 1 < w.row_start.size(); ++t)
    if (w.row_start[t] > w.row_start[t + 1]) corrupt(name, "ascending row pointers", "row " + std::to_string(t));
  const int64_t sources = w.source.num_cells();
  for (int32_t c : w.column)
    if (c < 0 || c >= sources) corrupt(name, "source indices below " + std::to_string(sources), std::to_string(c));
}

Weights weights_from(const nlohmann::json& header, std::string_view bytes, const std::string& name) {
  if (!header.is_object() || header.value("format", "") != kWeightFormat)
    corrupt(name, std::string(kWeightFormat), "another format");
  const auto rows = header.at("rows").get<uint64_t>(), links = header.at("links").get<uint64_t>();
  const uint64_t most = bytes.size();  // so that the sum below cannot wrap
  if (rows > most || links > most || bytes.size() != (rows + 1) * 8 + links * 12)
    corrupt(name, fmt::format("arrays of {} rows and {} links", rows, links), fmt::format("{} bytes", bytes.size()));
  Weights w{.source = grid_from_json(header.at("source")),
            .target = grid_from_json(header.at("target")),
            .method = method_from_string(header.at("method").get<std::string>()),
            .row_start = take<std::vector<int64_t>>(bytes, rows + 1),
            .column = take<Buffer<int32_t>>(bytes, links),
            .value = take<Buffer<double>>(bytes, links)};
  if (static_cast<int64_t>(rows) != w.target.num_cells())
    corrupt(name, std::to_string(w.target.num_cells()) + " rows", std::to_string(rows));
  check_matrix(w, name);
  return w;
}

}  // namespace

std::string serialise(const Weights& w) {
  const nlohmann::json header = {{"format", kWeightFormat},        {"method", to_string(w.method)},
                                 {"source", grid_json(w.source)},  {"target", grid_json(w.target)},
                                 {"rows", w.row_start.size() - 1}, {"links", w.column.size()}};
  std::string bytes = header.dump() + "\n";
  bytes.reserve(bytes.size() + w.row_start.size() * 8 + w.column.size() * 12 + kChecksumLength);
  append(bytes, w.row_start);
  append(bytes, w.column);
  append(bytes, w.value);
  bytes += sha256_hex(bytes);
  return bytes;
}

Weights deserialise(std::string_view bytes, const std::string& name) {
  if (bytes.size() < kChecksumLength) corrupt(name, "a checksum at the end", std::to_string(bytes.size()) + " bytes");
  const std::string_view stored = bytes.substr(bytes.size() - kChecksumLength);
  bytes.remove_suffix(kChecksumLength);
  if (sha256_hex(bytes) != stored) corrupt(name, "SHA-256 as at its end", "other content");
  const size_t line = bytes.find('\n');
  const nlohmann::json header = parse_json(bytes.substr(0, line));
  bytes.remove_prefix(line == std::string_view::npos ? bytes.size() : line + 1);
  try {
    return weights_from(header, bytes, name);
  } catch (const nlohmann::json::exception& e) {
    corrupt(name, "a complete header", e.what());
  } catch (const Error& e) {
    if (e.code() == kCorrupt) throw;
    corrupt(name, "grids and a method that this program knows", e.what());
  }
}

void Weights::save(const std::filesystem::path& path) const { write_file_atomic(path, serialise(*this)); }

Weights Weights::load(const std::filesystem::path& path) { return deserialise(read_text(path), path.string()); }

WeightCache::WeightCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

std::filesystem::path WeightCache::file(const sphere::Grid& source, const sphere::Grid& target, Method method) const {
  const nlohmann::json key = {kWeightFormat, to_string(method), grid_json(source), grid_json(target)};
  return folder_ / (std::string(to_string(method)) + "_" + sha256_hex(key.dump()).substr(0, 24) + ".weights");
}

std::shared_ptr<const Weights> WeightCache::get(const sphere::Grid& source, const sphere::Grid& target, Method method) {
  const std::lock_guard guard(lock_);
  for (const auto& w : kept_)
    if (w->method == method && w->source == source && w->target == target) return w;
  const bool on_disk = !folder_.empty();
  const auto path = file(source, target, method);
  if (on_disk && std::filesystem::exists(path)) {
    try {
      Weights w = Weights::load(path);
      if (w.source == source && w.target == target && w.method == method)
        return kept_.emplace_back(std::make_shared<const Weights>(std::move(w)));
    } catch (const DataError& e) {
      log_warn("{}; it is made again", e.what());
    }
  }
  auto made = std::make_shared<const Weights>(make_weights(source, target, method));
  if (on_disk) {
    ensure_writable_directory(folder_);
    made->save(path);
  }
  return kept_.emplace_back(std::move(made));
}

std::filesystem::path default_weight_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return std::filesystem::path(cache) / "pear" / "weights";
  if (const char* home = std::getenv("HOME"); home && *home)
    return std::filesystem::path(home) / ".cache" / "pear" / "weights";
  return {};
}

}  // namespace pear::regrid
