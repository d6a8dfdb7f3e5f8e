// The training store: one directory, one time axis, one NetCDF-4 chunk per time (design: io.md section 5).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "sphere/grid/grid.h"

namespace pear::io {

struct StoreVariable {
  std::string name;  ///< canonical name
  std::string units;
  std::vector<double> levels_hpa;  ///< empty for a surface variable; order as configured
  int64_t num_levels() const { return levels_hpa.empty() ? 1 : static_cast<int64_t>(levels_hpa.size()); }
  bool operator==(const StoreVariable&) const = default;
};

struct StoreLayout {
  sphere::Grid grid;
  std::vector<StoreVariable> variables;  ///< surface variables first, then upper-air, configured order
  std::vector<Time> times;               ///< requested times, ascending (including missing ones)
  std::string kind = "analysis";         ///< reanalysis | analysis | forecast | nature_run
  std::string source;                    ///< product name
  std::string missing_times = "error";   ///< error | skip
  int64_t num_channels() const;          ///< sum of levels over variables
};

/// Per variable and level, equal weights on HEALPix, cell areas on lat-lon; float64.
struct ChannelStatistics {
  std::vector<double> mean, stddev, min, max;  ///< [num_levels], population standard deviation
};

/// Reads a finalised store. Thread-safe for concurrent `read` calls (pread on recorded chunk offsets).
class Store {
 public:
  /// Errors: DataError `FileNotFound`, `StoreIncomplete` (not finalised), `StoreMismatch`, `ChecksumMismatch`.
  static std::shared_ptr<const Store> open(const std::filesystem::path& directory);
  virtual ~Store() = default;

  virtual const StoreLayout& layout() const = 0;
  /// Times that are present, ascending.
  virtual const std::vector<Time>& times() const = 0;
  /// Position in `times()`; empty if that time is missing or outside.
  virtual std::optional<size_t> index_of(Time t) const = 0;
  /// One variable at one time. Shapes: out [num_levels, cells]. Errors: ShapeError, DataError (file, date).
  virtual void read(size_t variable, size_t time_index, std::span<float> out) const = 0;
  /// Statistics of variable `variable` over the times present in statistics_period().
  virtual const ChannelStatistics& statistics(size_t variable) const = 0;
  /// Statistics of x(t + lag) - x(t), both times in statistics_period(), for the lags asked for at finalise; empty if
  /// not stored.
  virtual std::optional<ChannelStatistics> tendency_statistics(size_t variable, Duration lag) const = 0;
  /// The times that statistics are taken over; empty: all.
  virtual std::optional<TimeRange> statistics_period() const { return std::nullopt; }
  /// Identity of content (hash over layout and part checksums), for checkpoints and provenance.
  virtual std::string fingerprint() const = 0;
  /// Re-reads everything and compares checksums. Errors: DataError `ChecksumMismatch`.
  virtual void verify() const = 0;

  /// Index of a variable by canonical name. Errors: DataError `MissingVariable` listing the names present.
  size_t variable_index(const std::string& name) const;
};

/// Builds a store. `load` may be repeated and interrupted; a killed run that is repeated gives identical chunks.
struct StoreBuildOptions {
  std::vector<Duration> tendency_lags;
  std::optional<TimeRange> statistics_period;  ///< only these times enter the statistics; empty: all
  std::vector<std::string> allow_nan;  ///< variables that may hold NaN
  bool compress = false;               ///< shuffle + zlib instead of raw chunks
  std::string provenance_json = "{}";
};

class StoreBuilder {
 public:
  /// Creates or re-opens an unfinished store of the same layout.
  /// Errors: DataError `StoreMismatch` naming the difference when `directory` holds another layout.
  static std::unique_ptr<StoreBuilder> open(const std::filesystem::path& directory, const StoreLayout& layout,
                                            const StoreBuildOptions& options);
  virtual ~StoreBuilder() = default;
  /// Times not yet written by an earlier, perhaps killed, run.
  virtual std::vector<Time> pending() const = 0;
  /// Writes all variables of one time: values [num_channels, cells], channels in layout order.
  /// The part file appears under its final name only when complete and synced.
  virtual void write(Time t, std::span<const float> values, const std::string& source_note) = 0;
  /// Marks a time as missing (policy `skip`).
  virtual void mark_missing(Time t, const std::string& reason) = 0;
  /// Merges statistics in time order over a fixed tree, writes checksums and `store.json` (finalised).
  virtual void finalise() = 0;
};

}  // namespace pear::io
