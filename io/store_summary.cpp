#include "io/store_summary.h"

#include <algorithm>

#include "io/store_build.h"
#include "io/store_format.h"
#include "io/store_part.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;

/// Moments over all dates present. A finished store may have them; otherwise the parts are asked.
VariableMoments moments_so_far(const fs::path& directory, const StoreIndex& index, const std::vector<Time>& present) {
  if (index.finalised && !index.options.statistics_period) return index.moments;
  VariableMoments all;
  for (const Time t : present) {
    const VariableMoments date = read_part_content(directory / part_file_name(t), index, t).moments;
    if (all.empty()) {
      all = date;
      continue;
    }
    for (size_t v = 0; v < all.size(); ++v)
      for (size_t l = 0; l < all[v].size(); ++l) all[v][l] = merge(all[v][l], date[v][l]);
  }
  return all;
}

}  // namespace

bool is_store(const fs::path& directory) { return fs::is_regular_file(directory / kStoreFile); }

StoreSummary summarise_store(const fs::path& directory) {
  const StoreIndex index = read_store_index(directory);
  const StoreProgress progress = store_progress(directory, index);
  StoreSummary summary{.layout = index.layout,
                       .finalised = index.finalised,
                       .present = progress.present,
                       .pending = progress.pending,
                       .missing = progress.missing,
                       .variables = {},
                       .statistics_period = index.options.statistics_period,
                       .fingerprint = index.finalised ? index.fingerprint() : "",
                       .provenance_json = index.options.provenance_json};
  const VariableMoments moments = moments_so_far(directory, index, progress.present);
  for (size_t v = 0; v < moments.size(); ++v) {
    const Moments all = merge_tree(moments[v]);
    const auto& variable = index.layout.variables[v];
    summary.variables.push_back({.name = variable.name,
                                 .units = variable.units,
                                 .levels_hpa = variable.levels_hpa,
                                 .min = all.min,
                                 .mean = all.mean,
                                 .max = all.max});
  }
  return summary;
}

}  // namespace pear::io
