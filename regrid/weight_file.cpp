// Weights on disk: NetCDF-4 with the variable names of ESMF weight files, and a cache keyed by content.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "io/netcdf_file.h"
#include "regrid/weights.h"

namespace pear::regrid {
namespace {

constexpr int kFormatVersion = 1;
constexpr const char* kWhere = "regrid.weight_file";

std::string_view bytes(const auto& v) { return {reinterpret_cast<const char*>(v.data()), v.size() * sizeof(v[0])}; }

std::string checksum(const Weights& w) {
  return sha256_hex(fmt::format("{} {} {} {} {} {} {}", kFormatVersion, to_string(w.method), w.source.spec(),
                                w.target.spec(), sha256_hex(bytes(w.row_start)), sha256_hex(bytes(w.column)),
                                sha256_hex(bytes(w.value))));
}

[[noreturn]] void corrupt(const std::filesystem::path& path, const std::string& why) {
  throw DataError("WeightsCorrupt", kWhere,
                  {.what = "weight file " + path.string() + ": " + why, .hint = "remove the file; it is made again"});
}

std::vector<int64_t> one_based_rows(const Weights& w) {
  std::vector<int64_t> rows;
  rows.reserve(w.column.size());
  for (int64_t r = 0; r < w.target.num_cells(); ++r)
    rows.insert(rows.end(),
                static_cast<size_t>(w.row_start[static_cast<size_t>(r) + 1] - w.row_start[static_cast<size_t>(r)]),
                r + 1);
  return rows;
}

std::vector<int64_t> read_indices(const io::NetcdfFile& file, const char* name, const std::filesystem::path& path) {
  const auto variable = file.find_variable(name);
  if (!variable || variable->shape.size() != 1) corrupt(path, std::string("no variable ") + name);
  std::vector<int64_t> values(variable->size());
  file.read(*variable, {}, {}, values);
  return values;
}

/// 1-based rows and columns -> CSR; every index is checked before it is used.
void build_rows(Weights& w, const std::vector<int64_t>& rows, const std::vector<int64_t>& columns,
                const std::filesystem::path& path) {
  const int64_t num_rows = w.target.num_cells(), num_columns = w.source.num_cells();
  w.row_start.assign(static_cast<size_t>(num_rows) + 1, 0);
  w.column.reserve(columns.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 1 || rows[i] > num_rows || columns[i] < 1 || columns[i] > num_columns)
      corrupt(path, fmt::format("link {} joins row {} and column {} outside the grids", i, rows[i], columns[i]));
    if (i > 0 && rows[i] < rows[i - 1]) corrupt(path, "rows are not ascending");
    ++w.row_start[static_cast<size_t>(rows[i])];
    w.column.push_back(static_cast<int32_t>(columns[i] - 1));
  }
  for (size_t r = 1; r < w.row_start.size(); ++r) w.row_start[r] += w.row_start[r - 1];
}

}  // namespace

void Weights::save(const std::filesystem::path& path) const {
  AtomicFile atomic(path);
  auto file = io::NetcdfFile::create(atomic.temporary());
  const int links = file.define_dimension("n_s", std::max<size_t>(1, column.size()));
  const int row = file.define_variable("row", NC_INT64, {links});
  const int col = file.define_variable("col", NC_INT64, {links});
  const int s = file.define_variable("S", NC_DOUBLE, {links});
  file.put_attribute(NC_GLOBAL, "title", std::string("regridding weights: target[row] += S * source[col], 1-based"));
  file.put_attribute(NC_GLOBAL, "pear_weights_version", kFormatVersion);
  file.put_attribute(NC_GLOBAL, "map_method", std::string(to_string(method)));
  file.put_attribute(NC_GLOBAL, "grid_a", source.spec());
  file.put_attribute(NC_GLOBAL, "grid_b", target.spec());
  file.put_attribute(NC_GLOBAL, "normalization", std::string("fracarea"));
  file.put_attribute(NC_GLOBAL, "num_links", static_cast<double>(column.size()));
  file.put_attribute(NC_GLOBAL, "checksum", checksum(*this));
  file.end_definitions();
  if (!column.empty()) {
    std::vector<int64_t> columns(column.begin(), column.end());
    for (auto& c : columns) ++c;
    file.write(row, {0}, {column.size()}, std::span<const int64_t>(one_based_rows(*this)));
    file.write(col, {0}, {column.size()}, std::span<const int64_t>(columns));
    file.write(s, {0}, {value.size()}, std::span<const double>(value));
  }
  file.close();
  atomic.commit();
}

Weights Weights::load(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path))
    throw DataError("FileNotFound", kWhere, {.what = "no weight file " + path.string()});
  try {
    const auto file = io::NetcdfFile::open(path);
    const auto method = file.text_attribute(NC_GLOBAL, "map_method"), a = file.text_attribute(NC_GLOBAL, "grid_a"),
               b = file.text_attribute(NC_GLOBAL, "grid_b"), sum = file.text_attribute(NC_GLOBAL, "checksum");
    const auto version = file.number_attribute(NC_GLOBAL, "pear_weights_version");
    if (!method || !a || !b || !sum || version.empty() || version[0] != kFormatVersion)
      corrupt(path, "no weights of this version");
    Weights w;
    w.source = sphere::Grid::from_spec(*a);
    w.target = sphere::Grid::from_spec(*b);
    w.method = method_from_string(*method);
    const auto rows = read_indices(file, "row", path), columns = read_indices(file, "col", path);
    const auto s = file.find_variable("S");
    if (!s || rows.size() != columns.size() || s->size() != rows.size()) corrupt(path, "arrays of different lengths");
    w.value = file.read_doubles(*s);
    const auto count = file.number_attribute(NC_GLOBAL, "num_links");
    if (count.empty() || count[0] != static_cast<double>(rows.size())) {
      if (count.empty() || count[0] != 0) corrupt(path, "number of links");
      w.value.clear();
      w.row_start.assign(static_cast<size_t>(w.target.num_cells()) + 1, 0);
    } else {
      build_rows(w, rows, columns, path);
    }
    if (checksum(w) != *sum) corrupt(path, "checksum does not match");
    return w;
  } catch (const ConfigError& e) {
    corrupt(path, e.what());
  } catch (const DataError& e) {
    if (e.code() == "WeightsCorrupt") throw;
    corrupt(path, e.what());
  }
}

WeightCache::WeightCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

std::filesystem::path WeightCache::file(const sphere::Grid& source, const sphere::Grid& target, Method method) const {
  const auto key =
      sha256_hex(fmt::format("{} {} {} {}", kFormatVersion, to_string(method), source.spec(), target.spec()));
  return folder_ / ("weights_" + key.substr(0, 16) + ".nc");
}

std::shared_ptr<const Weights> WeightCache::get(const sphere::Grid& source, const sphere::Grid& target, Method method) {
  const std::lock_guard guard(lock_);
  for (const auto& w : kept_)
    if (w->source == source && w->target == target && w->method == method) return w;
  const auto path = file(source, target, method);
  if (!folder_.empty() && std::filesystem::exists(path)) {
    try {
      auto loaded = std::make_shared<Weights>(Weights::load(path));
      if (loaded->source == source && loaded->target == target && loaded->method == method) {
        kept_.push_back(loaded);
        return loaded;
      }
    } catch (const DataError& e) {
      log_warn("{}; the weights are built again", e.what());
    }
  }
  auto built = std::make_shared<const Weights>(make_weights(source, target, method));
  if (!folder_.empty()) {
    ensure_writable_directory(folder_);
    built->save(path);
  }
  kept_.push_back(built);
  return built;
}

std::filesystem::path default_weight_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != 0)
    return std::filesystem::path(cache) / "pear" / "weights";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0)
    return std::filesystem::path(home) / ".cache" / "pear" / "weights";
  return {};
}

}  // namespace pear::regrid
