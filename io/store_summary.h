// What a store holds, also while it is being built.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "io/store.h"

namespace pear::io {

/// Smallest, mean and largest value of one variable over all levels and the dates present.
struct VariableSummary {
  std::string name, units;
  std::vector<double> levels_hpa;
  double min = 0, mean = 0, max = 0;
};

struct StoreSummary {
  StoreLayout layout;
  bool finalised = false;
  std::vector<Time> present, pending;                 ///< ascending
  std::vector<std::pair<Time, std::string>> missing;  ///< with the reason
  std::vector<VariableSummary> variables;             ///< empty while no date is present
  std::optional<TimeRange> statistics_period;         ///< of the store's statistics; those here are of all dates
  std::string fingerprint;                            ///< empty unless finalised
  std::string provenance_json;
};

/// Is `directory` a store (finished or not)?
bool is_store(const std::filesystem::path& directory);

/// Errors:  DataError `FileNotFound`, `StoreMismatch` (damaged store.json).
StoreSummary summarise_store(const std::filesystem::path& directory);

}  // namespace pear::io
