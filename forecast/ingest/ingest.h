// Source files -> regridded, checksummed store with statistics; may be stopped, killed and repeated.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "forecast/ingest/ingest_config.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {

struct IngestRequest {
  std::vector<std::string> sources;    ///< files, folders, globs (`*`, `?`, `[..]`, expanded here, never by a shell)
  sphere::Grid grid;                   ///< of the store
  std::vector<std::string> variables;  ///< canonical names
  std::vector<double> levels_hpa;      ///< of every upper-air variable
  std::vector<Time> times;             ///< requested; empty: every time found that is a multiple of `every`
  Duration every{6 * 3600};            ///< used only if `times` is empty
  std::optional<TimeRange> statistics_period;  ///< see ingest.statistics; empty: all times
  std::filesystem::path store;
  IngestConfig options;
  std::string provenance_json = "{}";
};

struct IngestReport {
  int64_t times_requested = 0, times_written = 0, times_present = 0;
  std::vector<std::pair<Time, std::string>> missing;  ///< with the reason
  std::vector<std::string> problems;                  ///< damaged messages that were skipped, unreadable units, …
  bool finalised = false;
  bool up_to_date = false;  ///< nothing was left to do
  std::string fingerprint;  ///< of the finished store
};

/// What ingest would do (`--dry-run`): opens and indexes the sources, writes nothing.
struct IngestPlan {
  std::vector<std::string> files;
  std::vector<Time> times;                            ///< that will be in the store
  std::vector<std::pair<Time, std::string>> missing;  ///< requested, but incomplete in the sources
  std::vector<std::string> source_grids;              ///< specs
  std::vector<std::string> problems;
  int64_t num_channels = 0, num_cells = 0;
  int64_t store_bytes = 0;  ///< uncompressed
};
/// Errors:  as ingest.
IngestPlan plan_ingest(const IngestRequest& request);

/// Runs the stages that `options.stage` names.
///
/// Errors:  DataError `FileNotFound` (no file matches a source), `MissingVariable`, `MissingLevel`, `MissingTime`,
///          `DuplicateField`, `NonFinite`, `StoreMismatch`, `StoreIncomplete`, `NotWritable`, and those of the readers;
///          ConfigError for a wrong request; StoppedBySignal after the date in hand was finished (run again to go on).
IngestReport ingest(const IngestRequest& request);

}  // namespace pear::forecast
