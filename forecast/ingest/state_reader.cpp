#include "forecast/ingest/state_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "io/vector_pairs.h"
#include "regrid/apply.h"
#include "regrid/vector.h"

namespace pear::forecast {
namespace {

constexpr size_t kOpenFiles = 8;

std::filesystem::path weight_folder(const IngestRequest& request) {
  return request.options.weights.empty() ? request.store.parent_path() / "weights"
                                         : std::filesystem::path(request.options.weights.str());
}

regrid::ApplyOptions apply_options(bool may_be_nan) {
  regrid::ApplyOptions options;
  if (may_be_nan) options.missing = regrid::MissingPolicy::IfHeaviest;
  return options;
}

}  // namespace

StateReader::StateReader(const IngestRequest& request, const SourceIndex& index,
                         std::vector<io::StoreVariable> variables)
    : request_(request),
      index_(index),
      variables_(std::move(variables)),
      method_(regrid::method_from_string(request.options.method)),
      weights_(weight_folder(request)) {}

bool StateReader::may_be_nan(const std::string& name) const {
  const auto& allowed = request_.options.allow_nan;
  return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
}

io::FieldReader& StateReader::reader(size_t file) {
  const auto it = std::find_if(open_.begin(), open_.end(), [&](const OpenFile& f) { return f.file == file; });
  if (it != open_.end()) {
    open_.splice(open_.begin(), open_, it);
  } else {
    open_.push_front({file, io::open_fields(index_.files()[file], read_options(request_))});
    if (open_.size() > kOpenFiles) open_.pop_back();
  }
  return *open_.front().reader;
}

std::vector<float> StateReader::read_levels(Time t, size_t variable, std::shared_ptr<const sphere::Grid>& grid) {
  const io::StoreVariable& v = variables_[variable];
  std::vector<float> all;
  for (const double level : v.levels_hpa.empty() ? std::vector<double>{0} : v.levels_hpa) {
    const FieldPlace* place = index_.find(t, v.name, level);
    PEAR_ASSERT(place != nullptr);
    if (!grid) grid = place->grid;
    if (!(*grid == *place->grid))
      throw DataError("GridMismatch", "ingest",
                      {.what = fmt::format("{}: {} of {} is on another grid than its other levels or components",
                                           place->source, v.name, format_time(t)),
                       .expected = grid->spec(),
                       .found = place->grid->spec()});
    const io::Field field = reader(place->file).read(place->field);
    const auto values = field.values.span();
    const auto bad = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
    if (bad != values.end() && !(std::isnan(*bad) && may_be_nan(v.name)))
      throw DataError(
          "NonFinite", "ingest",
          {.what = fmt::format("{}: {} ({}) of {}", place->source, v.name, io::to_string(field.level), format_time(t)),
           .expected = "a value in every cell",
           .found = fmt::format("{} in cell {}", *bad, bad - values.begin()),
           .hint = fmt::format("if gaps are meant: ingest.allow_nan=[{}]", v.name)});
    all.insert(all.end(), values.begin(), values.end());
    const std::string name = index_.files()[place->file].filename().string();
    if (std::find(used_.begin(), used_.end(), name) == used_.end()) used_.push_back(name);
  }
  return all;
}

std::span<float> StateReader::slab(std::span<float> out, size_t variable) const {
  int64_t first = 0;
  for (size_t v = 0; v < variable; ++v) first += variables_[v].num_levels();
  const int64_t cells = request_.grid.num_cells();
  return out.subspan(static_cast<size_t>(first * cells),
                     static_cast<size_t>(variables_[variable].num_levels() * cells));
}

void StateReader::read_scalar(Time t, size_t variable, std::span<float> out) {
  std::shared_ptr<const sphere::Grid> grid;
  const std::vector<float> values = read_levels(t, variable, grid);
  const io::StoreVariable& v = variables_[variable];
  if (*grid == request_.grid) {
    std::copy(values.begin(), values.end(), out.begin());
    return;
  }
  const auto partner = io::vector_partner(v.name);
  if (!partner.empty() && method_ == regrid::Method::Conservative)
    throw ConfigError("UnpairedVector", "ingest",
                      {.what = "wind component " + v.name + " cannot be regridded conservatively alone",
                       .expected = fmt::format("also {} in data.variables", partner),
                       .hint = "add it, or use ingest.method=bilinear"});
  const auto weights = weights_.get(*grid, request_.grid, method_);
  regrid::apply_weights(*weights, values, out, v.num_levels(), apply_options(may_be_nan(v.name)));
}

void StateReader::read_pair(Time t, size_t u, size_t v, std::span<float> u_out, std::span<float> v_out) {
  std::shared_ptr<const sphere::Grid> grid;
  const std::vector<float> east = read_levels(t, u, grid);
  const std::vector<float> north = read_levels(t, v, grid);
  if (*grid == request_.grid) {
    std::copy(east.begin(), east.end(), u_out.begin());
    std::copy(north.begin(), north.end(), v_out.begin());
    return;
  }
  const auto weights = weights_.get(*grid, request_.grid, method_);
  const bool gaps = may_be_nan(variables_[u].name) && may_be_nan(variables_[v].name);
  regrid::apply_vector(*weights, east, north, u_out, v_out, variables_[u].num_levels(), apply_options(gaps));
}

std::string StateReader::read(Time t, std::span<float> out) {
  used_.clear();
  const auto position = [&](std::string_view name) -> std::optional<size_t> {
    for (size_t i = 0; i < variables_.size(); ++i)
      if (variables_[i].name == name) return i;
    return std::nullopt;
  };
  std::vector<bool> done(variables_.size(), false);
  for (const auto& pair : io::kVectorPairs) {
    const auto u = position(pair.east), v = position(pair.north);
    if (!u || !v) continue;
    read_pair(t, *u, *v, slab(out, *u), slab(out, *v));
    done[*u] = done[*v] = true;
  }
  for (size_t i = 0; i < variables_.size(); ++i)
    if (!done[i]) read_scalar(t, i, slab(out, i));
  std::sort(used_.begin(), used_.end());
  return fmt::format("{}", fmt::join(used_, ", "));
}

}  // namespace pear::forecast
