#include "io/store_part.h"

#include <fmt/format.h>

#include <array>
#include <mutex>

#include "base/error.h"
#include "io/cf_output.h"
#include "io/crc32c.h"
#include "io/netcdf_file.h"

namespace pear::io {
namespace {

struct MomentColumn {
  const char* name;
  const char* meaning;
  double Moments::*member;
};
constexpr std::array kColumns = {
    MomentColumn{"count", "sum of cell weights", &Moments::weight},
    MomentColumn{"mean", "weighted mean over the cells", &Moments::mean},
    MomentColumn{"m2", "weighted sum of squared deviations from the mean", &Moments::m2},
    MomentColumn{"min", "smallest value", &Moments::min},
    MomentColumn{"max", "largest value", &Moments::max},
};

std::string column_name(const StoreVariable& v, const char* column) { return v.name + "_" + column; }

struct VariableIds {
  int values = -1, crc = -1;
  std::array<int, kColumns.size()> columns{};
};

VariableIds define_variable(NetcdfFile& file, const StoreVariable& v, const CfGrid& grid, std::vector<int> dims,
                            bool compress) {
  VariableIds ids;
  std::vector<int> all = dims;
  all.insert(all.end(), grid.dims.begin(), grid.dims.end());
  ids.values = define_data_variable(file, v.name, v.units, all, grid, "time: point");
  std::vector<size_t> chunk = {1};
  if (!v.levels_hpa.empty()) chunk.push_back(v.levels_hpa.size());
  chunk.insert(chunk.end(), grid.shape.begin(), grid.shape.end());
  file.define_chunking(ids.values, chunk);
  if (compress) file.define_deflate(ids.values, true, 1);
  ids.crc = file.define_variable(column_name(v, "crc"), NC_UINT, {dims[0]});
  file.put_attribute(ids.crc, "long_name", "CRC-32C of the values of " + v.name + ", float32 little-endian");
  for (size_t c = 0; c < kColumns.size(); ++c) {
    ids.columns[c] = file.define_variable(column_name(v, kColumns[c].name), NC_DOUBLE, dims);
    file.put_attribute(ids.columns[c], "long_name", fmt::format("{} of {}", kColumns[c].meaning, v.name));
  }
  return ids;
}

void write_variable(NetcdfFile& file, const StoreVariable& v, const VariableIds& ids, const CfGrid& grid,
                    std::span<const float> values, const std::vector<Moments>& moments) {
  std::vector<size_t> count = {1};
  if (!v.levels_hpa.empty()) count.push_back(v.levels_hpa.size());
  const std::vector<size_t> column_count = count;
  count.insert(count.end(), grid.shape.begin(), grid.shape.end());
  file.write(ids.values, std::vector<size_t>(count.size(), 0), count, values);
  const int64_t crc = crc32c(values);
  file.write(ids.crc, {0}, {1}, std::span<const int64_t>(&crc, 1));
  std::vector<double> row(moments.size());
  for (size_t c = 0; c < kColumns.size(); ++c) {
    for (size_t l = 0; l < moments.size(); ++l) row[l] = moments[l].*kColumns[c].member;
    file.write(ids.columns[c], std::vector<size_t>(column_count.size(), 0), column_count, std::span<const double>(row));
  }
}

[[noreturn]] void wrong_part(const std::filesystem::path& path, const std::string& expected, const std::string& found) {
  throw DataError("StoreMismatch", "io.store",
                  {.what = path.string() + " does not belong to this store",
                   .expected = expected,
                   .found = found,
                   .hint = "remove that file and run ingest again"});
}

std::vector<double> read_exactly(const NetcdfFile& file, const std::string& name, size_t size) {
  const auto v = file.find_variable(name);
  if (!v || v->size() != size)
    wrong_part(file.path(), fmt::format("variable {} with {} values", name, size),
               v ? fmt::format("{} values", v->size()) : "no such variable");
  return file.read_doubles(*v);
}

}  // namespace

void write_part(const std::filesystem::path& path, const StoreIndex& index, Time t, std::span<const float> values,
                const VariableMoments& moments, const std::string& source_note) {
  std::lock_guard<std::recursive_mutex> lock(netcdf_lock());
  NetcdfFile file = NetcdfFile::create(path);
  put_global_attributes(file, "pear store, part " + format_time(t), index.options.provenance_json);
  file.put_attribute(NC_GLOBAL, "source", index.layout.source.empty() ? index.layout.kind : index.layout.source);
  file.put_attribute(NC_GLOBAL, "pear_source", source_note);
  const int time_dim = file.define_dimension("time", NC_UNLIMITED);
  const int time_id = define_time_variable(file, "time", "time", {time_dim});
  file.define_chunking(time_id, {1});
  const CfGrid grid = put_cf_grid(file, index.layout.grid);
  CfLevels levels(file);
  std::vector<VariableIds> ids;
  for (const auto& v : index.layout.variables) {
    std::vector<int> dims = {time_dim};
    if (!v.levels_hpa.empty()) dims.push_back(levels.dimension(v.levels_hpa));
    ids.push_back(define_variable(file, v, grid, dims, index.options.compress));
  }
  file.write(time_id, {0}, {1}, std::span<const int64_t>(&t.seconds, 1));
  size_t first = 0;
  for (size_t v = 0; v < ids.size(); ++v) {
    const auto& variable = index.layout.variables[v];
    const auto size = static_cast<size_t>(variable.num_levels() * index.layout.grid.num_cells());
    write_variable(file, variable, ids[v], grid, values.subspan(first, size), moments[v]);
    first += size;
  }
  file.close();
}

PartContent read_part_content(const std::filesystem::path& path, const StoreIndex& index, Time t) {
  std::lock_guard<std::recursive_mutex> lock(netcdf_lock());
  const NetcdfFile file = NetcdfFile::open(path);
  const auto time = read_exactly(file, "time", 1);
  if (static_cast<int64_t>(time[0]) != t.seconds)
    wrong_part(path, "time " + format_time(t), format_time({static_cast<int64_t>(time[0])}));
  PartContent content;
  for (const auto& v : index.layout.variables) {
    content.crc.push_back(static_cast<uint32_t>(read_exactly(file, column_name(v, "crc"), 1)[0]));
    const auto num_levels = static_cast<size_t>(v.num_levels());
    std::vector<Moments> moments(num_levels);
    for (const auto& column : kColumns) {
      const auto row = read_exactly(file, column_name(v, column.name), num_levels);
      for (size_t l = 0; l < num_levels; ++l) moments[l].*column.member = row[l];
    }
    content.moments.push_back(std::move(moments));
  }
  return content;
}

void read_part_values(const std::filesystem::path& path, const StoreVariable& variable, std::span<float> out) {
  std::lock_guard<std::recursive_mutex> lock(netcdf_lock());
  const NetcdfFile file = NetcdfFile::open(path);
  const auto v = file.find_variable(variable.name);
  if (!v || v->size() != out.size())
    wrong_part(path, fmt::format("variable {} with {} values", variable.name, out.size()),
               v ? fmt::format("{} values", v->size()) : "no such variable");
  file.read(*v, std::vector<size_t>(v->shape.size(), 0), v->shape, out);
}

}  // namespace pear::io
