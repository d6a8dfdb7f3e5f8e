// One date, all channels, on the grid of the store.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "forecast/ingest/ingest.h"
#include "forecast/ingest/source_index.h"
#include "regrid/weights.h"

namespace pear::forecast {

/// Reads and regrids; keeps the last few files open, since neighbouring dates often share them.
class StateReader {
 public:
  StateReader(const IngestRequest& request, const SourceIndex& index, std::vector<io::StoreVariable> variables);

  /// Shapes:  out [channels, cells], channels in the order of the variables and their levels. The date must be
  /// complete. Returns: names of the files used. Errors:  DataError `NonFinite` (file, variable, level, date), those of
  /// readers and regrid; ConfigError
  ///          `UnpairedVector` (a conservative regrid of one wind component alone).
  std::string read(Time t, std::span<float> out);

 private:
  struct OpenFile {
    size_t file;
    std::unique_ptr<io::FieldReader> reader;
  };
  io::FieldReader& reader(size_t file);
  std::vector<float> read_levels(Time t, size_t variable, std::shared_ptr<const sphere::Grid>& grid);
  void read_scalar(Time t, size_t variable, std::span<float> out);
  void read_pair(Time t, size_t u, size_t v, std::span<float> u_out, std::span<float> v_out);
  bool may_be_nan(const std::string& name) const;
  std::span<float> slab(std::span<float> out, size_t variable) const;

  const IngestRequest& request_;
  const SourceIndex& index_;
  std::vector<io::StoreVariable> variables_;
  regrid::Method method_;
  regrid::WeightCache weights_;
  std::list<OpenFile> open_;  ///< most recently used first
  std::vector<std::string> used_;
};

}  // namespace pear::forecast
