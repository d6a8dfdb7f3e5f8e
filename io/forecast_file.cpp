#include "io/forecast_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "base/files.h"
#include "io/cf_output.h"
#include "io/netcdf_file.h"

namespace pear::io {
namespace {

using Lock = std::lock_guard<std::recursive_mutex>;
constexpr const char* kReferenceTime = "forecast_reference_time";
constexpr const char* kPeriod = "forecast_period";

size_t slab_size(const sphere::Grid& grid, const OutputVariable& v) {
  return std::max<size_t>(1, v.levels_hpa.size()) * static_cast<size_t>(grid.num_cells());
}

void check_slab(const std::string& file, const sphere::Grid& grid, const OutputVariable& v, size_t size) {
  if (size != slab_size(grid, v))
    throw ShapeError(
        "SizeMismatch", "io.forecast",
        {.what = fmt::format("{}: one lead of {}", file, v.name),
         .expected = fmt::format("[{}, {}] values", std::max<size_t>(1, v.levels_hpa.size()), grid.num_cells()),
         .found = fmt::format("{} values", size)});
}

class Writer final : public ForecastFileWriter {
 public:
  Writer(const std::filesystem::path& path, const sphere::Grid& grid, std::vector<OutputVariable> variables,
         std::vector<Duration> leads)
      : atomic_(path),
        file_(NetcdfFile::create(atomic_.temporary())),
        grid_(grid),
        variables_(std::move(variables)),
        leads_(std::move(leads)),
        written_(leads_.size() * variables_.size(), 0) {}

  void define(Time init, const std::string& provenance_json);
  void write(size_t lead_index, size_t variable, std::span<const float> values) override;
  void commit() override;

 private:
  void write_times(Time init);
  template <class Action>
  void guarded(Action&& action);

  AtomicFile atomic_;
  NetcdfFile file_;
  sphere::Grid grid_;
  CfGrid cf_;
  std::vector<OutputVariable> variables_;
  std::vector<Duration> leads_;
  std::vector<int> ids_;
  std::vector<char> written_;  ///< [lead][variable]
};

/// The library's "HDF error" of a full disk, as an error that says what to do.
template <class Action>
void Writer::guarded(Action&& action) {
  try {
    action();
  } catch (const DataError& e) {
    if (e.code() != "NetcdfError") throw;
    throw DataError("WriteFailed", "io.forecast",
                    {.what = "cannot write " + atomic_.final_path().string(),
                     .expected = "room on the disk and a writable folder",
                     .found = fmt::format("{}; {} bytes are free", e.detail().found, free_space(atomic_.final_path())),
                     .hint = "make room and run the forecast again"});
  }
}

void Writer::write_times(Time init) {
  const int reference = define_time_variable(file_, kReferenceTime, kReferenceTime, {});
  const int time_dim = file_.define_dimension("time", NC_UNLIMITED);
  const int time = define_time_variable(file_, "time", "time", {time_dim});
  file_.define_chunking(time, {std::max<size_t>(1, leads_.size())});
  const int period = file_.define_variable(kPeriod, NC_INT64, {time_dim});
  file_.define_chunking(period, {std::max<size_t>(1, leads_.size())});
  file_.put_attribute(period, "standard_name", std::string(kPeriod));
  file_.put_attribute(period, "units", std::string("seconds"));
  file_.write(reference, {}, {}, std::span<const int64_t>(&init.seconds, 1));
  std::vector<int64_t> valid, leads;
  for (const Duration lead : leads_) {
    valid.push_back((init + lead).seconds);
    leads.push_back(lead.seconds);
  }
  file_.write(time, {0}, {valid.size()}, std::span<const int64_t>(valid));
  file_.write(period, {0}, {leads.size()}, std::span<const int64_t>(leads));
}

void Writer::define(Time init, const std::string& provenance_json) {
  Lock lock(netcdf_lock());
  guarded([&] {
    put_global_attributes(file_, "pear forecast from " + format_time(init), provenance_json);
    write_times(init);
    cf_ = put_cf_grid(file_, grid_);
    CfLevels levels(file_);
    for (const auto& v : variables_) {
      std::vector<int> dims = {*file_.find_dimension("time")};
      std::vector<size_t> chunk = {1};
      if (!v.levels_hpa.empty()) {
        dims.push_back(levels.dimension(v.levels_hpa));
        chunk.push_back(v.levels_hpa.size());
      }
      dims.insert(dims.end(), cf_.dims.begin(), cf_.dims.end());
      chunk.insert(chunk.end(), cf_.shape.begin(), cf_.shape.end());
      ids_.push_back(define_data_variable(file_, v.name, v.units, dims, cf_, "time: point"));
      file_.define_chunking(ids_.back(), chunk);
      file_.put_attribute(ids_.back(), "coordinates", fmt::format("{} {}", kReferenceTime, kPeriod));
    }
    file_.end_definitions();
  });
}

void Writer::write(size_t lead_index, size_t variable, std::span<const float> values) {
  if (lead_index >= leads_.size() || variable >= variables_.size())
    throw ShapeError("OutOfRange", "io.forecast",
                     {.what = atomic_.final_path().string(),
                      .expected = fmt::format("lead index < {}, variable < {}", leads_.size(), variables_.size()),
                      .found = fmt::format("lead index {}, variable {}", lead_index, variable)});
  const OutputVariable& v = variables_[variable];
  check_slab(atomic_.final_path().string(), grid_, v, values.size());
  std::vector<size_t> start = {lead_index}, count = {1};
  if (!v.levels_hpa.empty()) count.push_back(v.levels_hpa.size());
  count.insert(count.end(), cf_.shape.begin(), cf_.shape.end());
  start.resize(count.size(), 0);
  guarded([&] { file_.write(ids_[variable], start, count, values); });
  written_[lead_index * variables_.size() + variable] = 1;
}

void Writer::commit() {
  const auto hole = std::find(written_.begin(), written_.end(), 0);
  if (hole != written_.end()) {
    const auto i = static_cast<size_t>(hole - written_.begin());
    throw DataError("StoreIncomplete", "io.forecast",
                    {.what = atomic_.final_path().string() + " is not complete",
                     .expected = fmt::format("{} leads of {} variables", leads_.size(), variables_.size()),
                     .found = fmt::format("nothing for {} at lead {}", variables_[i % variables_.size()].name,
                                          format_duration(leads_[i / variables_.size()]))});
  }
  guarded([&] { file_.close(); });
  atomic_.commit();
}

[[noreturn]] void not_a_forecast(const NetcdfFile& file, const std::string& found) {
  throw DataError("NotAForecast", "io.forecast",
                  {.what = file.path().string() + " is not a forecast file",
                   .expected = "forecast_reference_time, forecast_period(time), variables (time, [level,] cells)",
                   .found = found});
}

class Reader final : public ForecastFile {
 public:
  explicit Reader(const std::filesystem::path& path) : file_(NetcdfFile::open(path)) {
    read_times();
    grid_ = get_cf_grid(file_);
    horizontal_ =
        grid_.is_healpix() ? std::vector<std::string>{"cell"} : std::vector<std::string>{"latitude", "longitude"};
    for (const auto& v : file_.variables()) add_variable(v);
    if (variables_.empty()) not_a_forecast(file_, "no variable on the grid");
  }
  const sphere::Grid& grid() const override { return grid_; }
  const std::vector<OutputVariable>& variables() const override { return variables_; }
  Time init() const override { return init_; }
  const std::vector<Duration>& leads() const override { return leads_; }
  std::string provenance_json() const override {
    return file_.text_attribute(NC_GLOBAL, "pear_provenance").value_or("{}");
  }

  void read(size_t lead_index, size_t variable, std::span<float> out) const override {
    if (lead_index >= leads_.size() || variable >= variables_.size())
      throw ShapeError("OutOfRange", "io.forecast",
                       {.what = file_.path().string(),
                        .expected = fmt::format("lead index < {}, variable < {}", leads_.size(), variables_.size()),
                        .found = fmt::format("lead index {}, variable {}", lead_index, variable)});
    check_slab(file_.path().string(), grid_, variables_[variable], out.size());
    std::vector<size_t> start(stored_[variable].shape.size(), 0), count = stored_[variable].shape;
    start[0] = lead_index;
    count[0] = 1;
    file_.read(stored_[variable], start, count, out);
  }

 private:
  void read_times() {
    const auto reference = file_.find_variable(kReferenceTime);
    const auto period = file_.find_variable(kPeriod);
    if (!reference || reference->size() != 1 || !period || period->shape.size() != 1 || period->size() == 0)
      not_a_forecast(file_, "no such variables");
    const auto units = [&](const NetcdfVariable& v) { return file_.text_attribute(v.id, "units").value_or(""); };
    if (units(*reference) != "seconds since 1970-01-01 00:00:00" || units(*period) != "seconds")
      not_a_forecast(file_, fmt::format("times in '{}' and '{}'", units(*reference), units(*period)));
    init_.seconds = static_cast<int64_t>(file_.read_doubles(*reference)[0]);
    for (const double s : file_.read_doubles(*period)) leads_.push_back({static_cast<int64_t>(s)});
  }

  void add_variable(const NetcdfVariable& v) {
    if (v.type != NC_FLOAT) return;
    std::vector<std::string> dims;
    for (const int d : v.dim_ids) dims.push_back(file_.dimension(d).name);
    const bool leveled = dims.size() == horizontal_.size() + 2 && dims[1].starts_with("level");
    if (dims.empty() || dims[0] != "time" || (!leveled && dims.size() != horizontal_.size() + 1)) return;
    if (!std::equal(horizontal_.rbegin(), horizontal_.rend(), dims.rbegin())) return;
    OutputVariable out{.name = v.name, .units = file_.text_attribute(v.id, "units").value_or(""), .levels_hpa = {}};
    if (leveled) {
      const auto levels = file_.find_variable(dims[1]);
      if (!levels || levels->shape != std::vector<size_t>{v.shape[1]})
        not_a_forecast(file_, "no pressures for the dimension " + dims[1]);
      out.levels_hpa = file_.read_doubles(*levels);
    }
    if (v.shape[0] != leads_.size() || v.size() != leads_.size() * slab_size(grid_, out))
      not_a_forecast(file_, fmt::format("{} with {} values", v.name, v.size()));
    variables_.push_back(std::move(out));
    stored_.push_back(v);
  }

  NetcdfFile file_;
  sphere::Grid grid_;
  std::vector<std::string> horizontal_;
  std::vector<OutputVariable> variables_;
  std::vector<NetcdfVariable> stored_;
  Time init_;
  std::vector<Duration> leads_;
};

}  // namespace

std::unique_ptr<ForecastFileWriter> ForecastFileWriter::create(const std::filesystem::path& path,
                                                               const sphere::Grid& grid,
                                                               std::vector<OutputVariable> variables, Time init,
                                                               std::vector<Duration> leads,
                                                               const std::string& provenance_json) {
  check_cf_grid(grid);
  if (variables.empty() || leads.empty())
    throw ConfigError("EmptyForecast", "io.forecast",
                      {.what = path.string(), .expected = "at least one variable and one lead time"});
  ensure_writable_directory(path.has_parent_path() ? path.parent_path() : ".");
  auto writer = std::make_unique<Writer>(path, grid, std::move(variables), std::move(leads));
  writer->define(init, provenance_json);
  return writer;
}

std::unique_ptr<ForecastFile> ForecastFile::open(const std::filesystem::path& path) {
  Lock lock(netcdf_lock());
  return std::make_unique<Reader>(path);
}

}  // namespace pear::io
