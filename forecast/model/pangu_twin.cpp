#include "forecast/model/pangu_twin.h"

#include <fmt/format.h>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr const char* kWhere = "forecast.pangu_twin";

[[noreturn]] void bad_grid(const StateLayout& layout, std::string what, std::string expected, std::string hint) {
  throw ConfigError("BadModelGrid", kWhere,
                    {.what = std::move(what),
                     .expected = std::move(expected),
                     .found = "grid " + layout.grid.spec(),
                     .hint = std::move(hint)});
}

RowsColumns divided(const RowsColumns& fine, const sphere::LatLonPads& pads, int64_t rows, int64_t columns) {
  return {(fine.rows + pads.top + pads.bottom) / rows, (fine.columns + pads.left + pads.right) / columns};
}

/// P10: the published program tests rows modulo 2 where it means 4, so only some heights come out as it intends.
void check_published_rows(const StateLayout& layout, int64_t rows, int64_t patch_rows) {
  if (patch_rows == 4 && rows % 4 >= 2)
    bad_grid(layout, "model.patch_padding: published",
             "rows that leave 0 or 1 when divided by 4 (the published program pads the others wrongly)",
             "use other rows, or model.patch_padding: zero");
}

void check_pads(const ModelConfig& config, const StateLayout& layout, const TwinExtents& e) {
  const ModelSwitches s = config.resolved();
  if (s.patch_padding == "none" && e.patch_pads.any())
    bad_grid(layout, "grid and model.patch",
             fmt::format("multiples of {} rows and {} columns", config.patch[1], config.patch[2]),
             "use another grid or patch, or model.patch_padding: zero");
  if (s.patch_padding == "published") check_published_rows(layout, e.cells.rows, config.patch[1]);
  if (s.token_padding == "none" && (e.merge_pads.any() || e.fine_pads.any() || e.coarse_pads.any()))
    bad_grid(layout, "grid, model.patch and model.window",
             fmt::format("multiples of {} rows and {} columns (patch times 2 for the coarse stages times window)",
                         2 * config.patch[1] * config.window[1], 2 * config.patch[2] * config.window[2]),
             "use another grid, patch or window, or model.token_padding: zero");
  const bool in_longitude = e.patch_pads.in_longitude() || e.merge_pads.in_longitude() || e.fine_pads.in_longitude() ||
                            e.coarse_pads.in_longitude();
  if (s.lon_mask == "periodic" && in_longitude)
    bad_grid(layout, "model.lon_mask: periodic",
             fmt::format("a multiple of {} columns: zeros between the last and the first column break periodicity",
                         2 * config.patch[2] * config.window[2]),
             "use another number of columns, or model.lon_mask: split_last");
}

sphere::BiasShape bias_shape(const ModelConfig& config, const sphere::LatLonWindowSpec& spec) {
  sphere::BiasShape bias;
  const std::string kind = config.bias_kind();
  bias.kind = kind == "none"     ? sphere::BiasKind::None
              : kind == "single" ? sphere::BiasKind::Single
                                 : sphere::BiasKind::EarthSpecific;
  if (bias.kind != sphere::BiasKind::EarthSpecific) return bias;
  bias.num_types =
      spec.num_stack / spec.window_stack * (spec.rows + spec.pads.top + spec.pads.bottom) / spec.window_rows;
  bias.w_z = spec.window_stack;
  bias.w_lat = spec.window_rows;
  bias.w_lon = spec.window_columns;
  return bias;
}

Windows make_windows(const ModelConfig& config, const TwinExtents& e, const RowsColumns& tokens,
                     const sphere::LatLonPads& pads) {
  const ModelSwitches s = config.resolved();
  sphere::LatLonWindowSpec spec{e.num_stack, tokens.rows, tokens.columns};
  spec.window_stack = e.window_stack;
  spec.window_rows = config.window[1];
  spec.window_columns = config.window[2];
  spec.pads = pads;
  spec.pad_tokens = s.pad_tokens == "masked" ? sphere::PadTokens::Masked : sphere::PadTokens::Attend;
  spec.lon_mask = s.lon_mask == "split_last" ? sphere::LonMask::SplitLast : sphere::LonMask::Periodic;
  Windows w;
  w.bias = bias_shape(config, spec);
  w.plain = sphere::latlon_windows(spec);
  w.shifted = w.plain;
  if (config.shift_kind() == "none") return w;
  const auto& own = config.window_shift;
  const auto shift = [&](size_t axis, int64_t window) { return own.empty() ? window / 2 : own[axis]; };
  // A state without levels has windows of one slot, which cannot be shifted along the stack.
  const int64_t stack = e.window_stack > 1 ? shift(0, e.window_stack) : 0;
  w.shifted = sphere::shifted_latlon_windows(spec, {stack, shift(1, spec.window_rows), shift(2, spec.window_columns)});
  return w;
}

Geometry make_geometry(const ModelConfig& config, const StateLayout& layout) {
  const TwinExtents e = twin_extents(config, layout);
  Geometry g;
  g.stack = e;
  g.patching = {e.tokens.rows * e.tokens.columns,
                sphere::latlon_children(e.cells.rows, e.cells.columns, config.patch[1], config.patch[2], e.patch_pads)};
  g.children = sphere::latlon_children(e.tokens.rows, e.tokens.columns, 2, 2, e.merge_pads);
  g.fine = make_windows(config, e, e.tokens, e.fine_pads);
  g.coarse = make_windows(config, e, e.coarse, e.coarse_pads);
  return g;
}

}  // namespace

TwinExtents twin_extents(const ModelConfig& config, const StateLayout& layout) {
  if (!layout.grid.is_latlon() || !layout.grid.is_global())
    bad_grid(layout, "grid of model.name: pangu_twin", "rows and columns around the globe",
             "set grid: latlon:192x256+half");
  TwinExtents e{stack_extents(config, layout)};
  const auto& grid = layout.grid.latlon();
  e.cells = {static_cast<int64_t>(grid.lat_deg.size()), static_cast<int64_t>(grid.lon_deg.size())};
  const int64_t rows = config.window[1], columns = config.window[2];
  e.patch_pads = sphere::pads_to_multiple(e.cells.rows, e.cells.columns, config.patch[1], config.patch[2]);
  e.tokens = divided(e.cells, e.patch_pads, config.patch[1], config.patch[2]);
  e.merge_pads = sphere::pads_to_multiple(e.tokens.rows, e.tokens.columns, 2, 2);
  e.coarse = divided(e.tokens, e.merge_pads, 2, 2);
  if (rows > e.coarse.rows || columns > e.coarse.columns)
    throw ShapeError(
        "BadWindow", kWhere,
        {.what = fmt::format("model.window of {} x {} tokens", rows, columns),
         .expected = fmt::format("at most the {} x {} tokens of the coarse stages", e.coarse.rows, e.coarse.columns),
         .hint = "use a smaller model.window or model.patch, or a larger grid"});
  e.fine_pads = sphere::pads_to_multiple(e.tokens.rows, e.tokens.columns, rows, columns);
  e.coarse_pads = sphere::pads_to_multiple(e.coarse.rows, e.coarse.columns, rows, columns);
  check_pads(config, layout, e);
  return e;
}

PanguTwin::PanguTwin(const ModelConfig& config, const StateLayout& layout)
    : WindowNetwork(config, layout, make_geometry(config, layout)),
      style_{config.is_published_twin(), config.bias_kind() == "earth_specific"} {}

}  // namespace pear::forecast
