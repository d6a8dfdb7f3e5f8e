#include "forecast/config/climatology_request.h"

#include <utility>

#include "base/provenance.h"

namespace pear::forecast {

ClimatologyRequest climatology_request(const RunConfig& config, std::shared_ptr<const io::Store> store) {
  return {.store = std::move(store),
          .config = config.climatology,
          .default_period = config.data.train,
          .folder = config.run.folder(),
          .overwrite = config.run.overwrite,
          .provenance = provenance_base()};
}

}  // namespace pear::forecast
