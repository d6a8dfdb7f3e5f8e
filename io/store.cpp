#include "io/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/files.h"
#include "io/store_build.h"
#include "io/store_format.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;

ChannelStatistics statistics_from(const std::vector<Moments>& levels) {
  ChannelStatistics s;
  for (const Moments& m : levels) {
    s.mean.push_back(m.weight > 0 ? m.mean : m.stddev());  // NaN for an empty sample
    s.stddev.push_back(m.stddev());
    s.min.push_back(m.min);
    s.max.push_back(m.max);
  }
  return s;
}

class NetcdfStore final : public Store {
 public:
  NetcdfStore(fs::path directory, StoreIndex index)
      : directory_(std::move(directory)),
        index_(std::move(index)),
        fingerprint_(index_.fingerprint()),
        checked_(index_.parts.size() * index_.layout.variables.size()) {
    for (const auto& part : index_.parts) times_.push_back(part.time);
    for (const auto& levels : index_.moments) statistics_.push_back(statistics_from(levels));
  }

  const StoreLayout& layout() const override { return index_.layout; }
  const std::vector<Time>& times() const override { return times_; }
  std::optional<size_t> index_of(Time t) const override {
    const auto it = std::lower_bound(times_.begin(), times_.end(), t);
    if (it == times_.end() || *it != t) return std::nullopt;
    return static_cast<size_t>(it - times_.begin());
  }
  const ChannelStatistics& statistics(size_t variable) const override { return statistics_.at(variable); }
  std::optional<TimeRange> statistics_period() const override { return index_.options.statistics_period; }
  std::string fingerprint() const override { return fingerprint_; }

  void read(size_t variable, size_t time_index, std::span<float> out) const override {
    check_request(variable, time_index, out.size());
    const PartRecord& part = index_.parts[time_index];
    read_chunk(directory_, index_, part, variable, out);
    // Checked once per process: later epochs read the same bytes at full speed.
    auto& checked = checked_[time_index * index_.layout.variables.size() + variable];
    if (checked.load(std::memory_order_relaxed)) return;
    check_chunk(directory_, index_, part, variable, out);
    checked.store(true, std::memory_order_relaxed);
  }

  std::optional<ChannelStatistics> tendency_statistics(size_t variable, Duration lag) const override {
    for (const auto& t : index_.tendencies)
      if (t.lag == lag && t.pairs > 0) return statistics_from(t.moments.at(variable));
    return std::nullopt;
  }

  void verify() const override {
    std::vector<float> values;
    for (const auto& part : index_.parts) {
      const std::string found = sha256_file(directory_ / part.file);
      for (size_t v = 0; v < index_.layout.variables.size(); ++v) {
        values.resize(static_cast<size_t>(index_.layout.variables[v].num_levels() * index_.layout.grid.num_cells()));
        read_chunk(directory_, index_, part, v, values);
        check_chunk(directory_, index_, part, v, values);
      }
      if (found != part.sha256)
        throw DataError("ChecksumMismatch", "io.store",
                        {.what = (directory_ / part.file).string() + " was changed outside its field values",
                         .expected = "SHA-256 " + part.sha256,
                         .found = found,
                         .hint = "the file was damaged: remove the store and ingest again"});
    }
  }

 private:
  void check_request(size_t variable, size_t time_index, size_t size) const {
    if (variable >= index_.layout.variables.size() || time_index >= index_.parts.size())
      throw ShapeError("OutOfRange", "io.store",
                       {.what = directory_.string() + ": read",
                        .expected = fmt::format("variable < {}, time index < {}", index_.layout.variables.size(),
                                                index_.parts.size()),
                        .found = fmt::format("variable {}, time index {}", variable, time_index)});
    const int64_t levels = index_.layout.variables[variable].num_levels();
    const int64_t cells = index_.layout.grid.num_cells();
    if (size != static_cast<size_t>(levels * cells))
      throw ShapeError(
          "SizeMismatch", "io.store",
          {.what = fmt::format("{}: buffer for {}", directory_.string(), index_.layout.variables[variable].name),
           .expected = fmt::format("[{}, {}] values", levels, cells),
           .found = fmt::format("{} values", size)});
  }

  fs::path directory_;
  StoreIndex index_;
  std::string fingerprint_;
  std::vector<Time> times_;
  std::vector<ChannelStatistics> statistics_;
  mutable std::vector<std::atomic<bool>> checked_;  ///< per (time, variable)
};

void check_parts(const fs::path& directory, const StoreIndex& index) {
  for (const auto& part : index.parts) {
    std::error_code error;
    const uint64_t size = fs::file_size(directory / part.file, error);
    if (error)
      throw DataError("StoreIncomplete", "io.store",
                      {.what = fmt::format("{}: part {} of {}", directory.string(), part.file, format_time(part.time)),
                       .expected = "a readable file",
                       .found = error.message(),
                       .hint = "copy the whole folder, or ingest again"});
    if (size != part.size)
      throw DataError("ChecksumMismatch", "io.store",
                      {.what = (directory / part.file).string() + " has another length",
                       .expected = fmt::format("{} bytes", part.size),
                       .found = fmt::format("{} bytes", size),
                       .hint = "the file was damaged: remove the store and ingest again"});
  }
}

}  // namespace

int64_t StoreLayout::num_channels() const {
  int64_t channels = 0;
  for (const auto& v : variables) channels += v.num_levels();
  return channels;
}

size_t Store::variable_index(const std::string& name) const {
  const auto& variables = layout().variables;
  std::string present;
  for (size_t i = 0; i < variables.size(); ++i) {
    if (variables[i].name == name) return i;
    present += (i > 0 ? ", " : "") + variables[i].name;
  }
  throw DataError("MissingVariable", "io.store",
                  {.what = "the store has no variable " + name,
                   .expected = name,
                   .found = present,
                   .hint = "leave it out of data.variables, or ingest a store that has it"});
}

std::shared_ptr<const Store> Store::open(const fs::path& directory) {
  StoreIndex index = read_store_index(directory);
  if (!index.finalised)
    throw DataError("StoreIncomplete", "io.store",
                    {.what = directory.string() + " is still being built",
                     .expected = "a finished store",
                     .found = "stage finalise has not run",
                     .hint = "run pear ingest again; pear inspect shows what is there"});
  check_parts(directory, index);
  return std::make_shared<NetcdfStore>(directory, std::move(index));
}

}  // namespace pear::io
