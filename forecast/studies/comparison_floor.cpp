#include "forecast/studies/comparison_floor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "forecast/verify/weights.h"
#include "io/vector_pairs.h"
#include "regrid/apply.h"
#include "regrid/vector.h"

namespace pear::forecast {
namespace {

/// All levels of one variable at one time. Shapes: [levels, cells].
std::vector<float> slab(const io::Store& store, const std::string& name, Time t) {
  const size_t variable = store.variable_index(name);
  const auto index = store.index_of(t);
  if (!index)
    throw DataError("MissingTime", "experiment",
                    {.what = "store on " + store.layout().grid.spec(), .expected = format_time(t)});
  const auto cells = static_cast<size_t>(store.layout().grid.num_cells());
  std::vector<float> out(static_cast<size_t>(store.layout().variables[variable].num_levels()) * cells);
  store.read(variable, *index, out);
  return out;
}

std::vector<float> regridded(const io::Store& source, const std::string& name, Time t, const regrid::Weights& weights,
                             size_t target_cells) {
  const std::vector<float> in = slab(source, name, t);
  const auto levels = static_cast<int64_t>(in.size()) / source.layout().grid.num_cells();
  std::vector<float> out(static_cast<size_t>(levels) * target_cells);
  const std::string partner(io::vector_partner(name));
  const auto& known = source.layout().variables;
  const bool is_pair = !partner.empty() && std::any_of(known.begin(), known.end(),
                                                       [&](const io::StoreVariable& v) { return v.name == partner; });
  if (!is_pair) {
    regrid::apply_weights(weights, in, out, levels);
    return out;
  }
  const std::vector<float> other = slab(source, partner, t);
  std::vector<float> other_out(out.size());
  if (io::is_eastward(name))
    regrid::apply_vector(weights, in, other, out, other_out, levels);
  else
    regrid::apply_vector(weights, other, in, other_out, out, levels);
  return out;
}

}  // namespace

std::map<std::string, double> regrid_floor(const io::Store& source, const io::Store& target,
                                           const std::vector<std::string>& variables, const std::vector<Time>& times,
                                           regrid::WeightCache& cache) {
  const auto& grid = target.layout().grid;
  const auto weights = cache.get(source.layout().grid, grid, regrid::Method::Conservative);
  const auto area = cell_weights(grid, area_weights_from("auto", grid));
  std::map<std::string, double> out;
  for (const std::string& name : variables) {
    const auto& levels = target.layout().variables.at(target.variable_index(name)).levels_hpa;
    std::vector<double> sums(std::max<size_t>(1, levels.size()), 0.0);
    for (const Time t : times) {
      const auto perfect = slab(target, name, t), ours = regridded(source, name, t, *weights, area.size());
      for (size_t z = 0; z < sums.size(); ++z)
        for (size_t i = 0; i < area.size(); ++i) {
          const size_t at = z * area.size() + i;
          const double e = static_cast<double>(ours[at]) - static_cast<double>(perfect[at]);
          sums[z] += area[i] * e * e;
        }
    }
    for (size_t z = 0; z < sums.size(); ++z)
      out[levels.empty() ? name : fmt::format("{}{:g}", name, levels[z])] =
          std::sqrt(sums[z] / (static_cast<double>(area.size()) * static_cast<double>(times.size())));
  }
  return out;
}

}  // namespace pear::forecast
