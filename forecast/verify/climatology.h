// Climatologies: mean states by hour and day of year, computed from a store and kept in a file with their definition.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "forecast/verify/climatology_config.h"
#include "forecast/verify/climatology_keys.h"
#include "io/store.h"

namespace pear::forecast {

/// The mean state that belongs to a moment. Thread-safe.
class Climatology {
 public:
  virtual ~Climatology() = default;
  virtual const sphere::Grid& grid() const = 0;
  virtual const std::vector<io::StoreVariable>& variables() const = 0;
  /// Kind, period, hours, samples and the fingerprint of the store (scoring.md section 8).
  virtual const nlohmann::json& definition() const = 0;
  /// Mean of variable `variable` valid at `valid`. Shapes: out [num_levels, cells]. Units: those of the variable.
  /// Errors:  ShapeError; DataError `MissingTime` if the climatology has no mean for that hour or day.
  virtual void read(size_t variable, Time valid, std::span<float> out) const = 0;
  /// Errors: DataError `MissingVariable` listing the names present.
  size_t variable_index(const std::string& name) const;
};

struct ClimatologyRequest {
  std::shared_ptr<const io::Store> store;
  ClimatologyConfig config;
  TimeSelection default_period;  ///< used when config.period is empty (data.train)
  std::filesystem::path folder;  ///< of `climatology_<id>.nc` when config.file is empty
  bool overwrite = false;        ///< replace config.file when it holds another definition
  nlohmann::json provenance;
};

/// What a request comes to, before any field is read.
struct ClimatologyPlan {
  ClimatologyKind kind = ClimatologyKind::Mean;
  std::string reason;         ///< why `auto` chose this kind; empty if the kind was named
  std::vector<Time> times;    ///< of the period and in the store
  size_t num_missing = 0;     ///< of the period and not in the store
  std::vector<size_t> index;  ///< of `times` in the store
  ClimatologyKeys keys;
  nlohmann::json definition;
  std::string id;  ///< definition_id(definition)
  std::filesystem::path file;
  int64_t bytes = 0;  ///< size of the file, about
};

/// Errors:  ConfigError `MissingKey` (no period); DataError `MissingTime` (no time of the period present, or sparse
///          days without allow_sparse), `TooFewSamples` (harmonics of a period that does not determine them).
ClimatologyPlan plan_climatology(const ClimatologyRequest& request);

/// Computes a climatology and writes its file (atomic). An existing file of the same definition is used as it is.
///
/// Memory:  one variable: 3 slabs (2 num_harmonics + 3 of them for harmonics), whatever the length of the period.
/// Errors:  as plan_climatology; DataError `ResultExists` (config.file has another definition); StoppedBySignal.
std::shared_ptr<const Climatology> make_climatology(const ClimatologyRequest& request);

/// What scores and forecasts use: config.file where it exists and fits, else make_climatology.
/// Errors:  as make_climatology and require_climatology_fits.
std::shared_ptr<const Climatology> obtain_climatology(const ClimatologyRequest& request);

/// Errors:  DataError `GridMismatch`, `UnitsMismatch`, `ChannelMismatch`, `StoreMismatch` (another fingerprint; these
///          two not with config.allow_other_store), `DefinitionMismatch` (kind or period that the configuration names).
void require_climatology_fits(const Climatology& climatology, const ClimatologyRequest& request);

/// A sentence if some of `times` lie in the period of a climatology, else empty; `name` says what the times are.
std::string overlap_warning(const nlohmann::json& definition, const std::vector<Time>& times, const std::string& name);

/// Errors: DataError `FileNotFound`, `BadClimatology`.
std::shared_ptr<const Climatology> open_climatology(const std::filesystem::path& file);

}  // namespace pear::forecast
