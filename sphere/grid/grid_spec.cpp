// Specs: text <-> grid.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "sphere/grid/grid.h"
#include "sphere/grid/rows.h"

namespace pear::sphere {
namespace {

[[noreturn]] void unknown(std::string_view spec, const std::string& why) {
  throw ConfigError("UnknownGrid", "sphere.grid",
                    {.what = fmt::format("grid '{}': {}", spec, why),
                     .hint = "known forms: healpix:64, healpix:64:ring|nested|xy-south|xy-north, "
                             "latlon:721x1440+poles|+half|+north|+inner, gaussian:F32, gaussian:O32; "
                             "+lon0=0.5 moves the first meridian; latlon:121x201+area=60/-10/30/40 is N/W/S/E"});
}

std::optional<int64_t> whole(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1) return std::nullopt;
  return value;
}

std::optional<double> real(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<double> columns(int64_t count, double first) {
  std::vector<double> lon(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    lon[static_cast<size_t>(i)] = first + 360.0 * static_cast<double>(i) / static_cast<double>(count);
  return lon;
}

Grid parse_healpix(std::string_view spec, std::string_view body) {
  const auto parts = split(body, ':');
  const auto nside = whole(parts[0]);
  if (!nside || parts.size() > 2) unknown(spec, "expected healpix:NSIDE[:ORDER]");
  PixelOrder order = PixelOrder::Nested;
  if (parts.size() == 2) {
    if (parts[1] == "ring")
      order = PixelOrder::Ring;
    else if (parts[1] == "xy-south")
      order = PixelOrder::XySouth;
    else if (parts[1] == "xy-north")
      order = PixelOrder::XyNorth;
    else if (parts[1] != "nested")
      unknown(spec, fmt::format("unknown pixel order '{}'", parts[1]));
  }
  return Grid(HealpixGrid{*nside, order});
}

Grid parse_area(std::string_view spec, int64_t rows, int64_t cols, std::string_view body) {
  const auto parts = split(body, '/');
  std::optional<double> v[4];
  for (size_t i = 0; i < 4 && i < parts.size(); ++i) v[i] = real(parts[i]);
  if (parts.size() != 4 || !v[0] || !v[1] || !v[2] || !v[3] || *v[0] <= *v[2] || *v[3] <= *v[1] || rows < 2 || cols < 2)
    unknown(spec, "expected +area=NORTH/WEST/SOUTH/EAST with north > south and east > west");
  LatLonGrid g{RowKind::Regional, std::vector<double>(static_cast<size_t>(rows)),
               std::vector<double>(static_cast<size_t>(cols))};
  for (int64_t j = 0; j < rows; ++j)
    g.lat_deg[static_cast<size_t>(j)] =
        *v[0] - (*v[0] - *v[2]) * static_cast<double>(j) / static_cast<double>(rows - 1);
  for (int64_t i = 0; i < cols; ++i)
    g.lon_deg[static_cast<size_t>(i)] =
        *v[1] + (*v[3] - *v[1]) * static_cast<double>(i) / static_cast<double>(cols - 1);
  return Grid(std::move(g));
}

/// Row kind and first meridian from the `+…` options.
struct Options {
  std::optional<RowKind> rows;
  double lon0 = 0.0;
  std::optional<std::string_view> area;
};

Options options(std::string_view spec, std::span<const std::string_view> words) {
  Options o;
  for (std::string_view word : words) {
    if (word == "poles")
      o.rows = RowKind::Poles;
    else if (word == "half")
      o.rows = RowKind::Half;
    else if (word == "north")
      o.rows = RowKind::North;
    else if (word == "inner")
      o.rows = RowKind::Inner;
    else if (word.starts_with("area="))
      o.area = word.substr(5);
    else if (word.starts_with("lon0=") && real(word.substr(5)))
      o.lon0 = *real(word.substr(5));
    else
      unknown(spec, fmt::format("unknown option '+{}'", word));
  }
  return o;
}

Grid parse_latlon(std::string_view spec, std::string_view body) {
  const auto words = split(body, '+');
  const auto extents = split(words[0], 'x');
  const auto rows = extents.size() == 2 ? whole(extents[0]) : std::nullopt;
  const auto cols = extents.size() == 2 ? whole(extents[1]) : std::nullopt;
  if (!rows || !cols || *rows > 1000000 || *cols > 1000000) unknown(spec, "expected latlon:ROWSxCOLUMNS");
  const Options o = options(spec, std::span(words).subspan(1));
  if (o.area) return parse_area(spec, *rows, *cols, *o.area);
  if (!o.rows) unknown(spec, "the rows need one of +poles, +half, +north, +inner");
  if (*rows < 2) unknown(spec, "a grid needs at least two rows");
  return Grid(LatLonGrid{*o.rows, row_latitudes_deg(*o.rows, *rows), columns(*cols, o.lon0)});
}

Grid parse_gaussian(std::string_view spec, std::string_view body) {
  const auto words = split(body, '+');
  const char kind = words[0].empty() ? ' ' : words[0][0];
  const auto n = words[0].empty() ? std::nullopt : whole(words[0].substr(1));
  if (!n || *n > 100000) unknown(spec, "expected gaussian:F32 or gaussian:O32");
  const Options o = options(spec, std::span(words).subspan(1));
  const auto lat = gaussian_latitudes_deg(2 * *n);
  if (kind == 'F') return Grid(LatLonGrid{RowKind::Gaussian, lat, columns(4 * *n, o.lon0)});
  if (kind != 'O') unknown(spec, "classic reduced grids (N) get their row lengths from a file, not from a name");
  ReducedGaussianGrid g{lat, {}, true};
  for (int64_t j = 0; j < 2 * *n; ++j) g.row_lengths.push_back(4 * (std::min(j, 2 * *n - 1 - j) + 1) + 16);
  return Grid(std::move(g));
}

std::string lon0_suffix(const LatLonGrid& g) {
  return g.lon_deg.front() == 0.0 ? "" : fmt::format("+lon0={}", g.lon_deg.front());
}

std::string latlon_spec(const LatLonGrid& g) {
  const size_t rows = g.lat_deg.size(), cols = g.lon_deg.size();
  const auto named = [&](const char* kind) {
    return fmt::format("latlon:{}x{}+{}{}", rows, cols, kind, lon0_suffix(g));
  };
  switch (g.rows) {
    case RowKind::Poles:
      return named("poles");
    case RowKind::Half:
      return named("half");
    case RowKind::North:
      return named("north");
    case RowKind::Inner:
      return named("inner");
    case RowKind::Gaussian:
      if (cols == 2 * rows) return fmt::format("gaussian:F{}{}", rows / 2, lon0_suffix(g));
      return fmt::format("gaussian:{}x{}{}", rows, cols, lon0_suffix(g));
    case RowKind::Regional:
      break;
  }
  return fmt::format("latlon:{}x{}+area={}/{}/{}/{}", rows, cols, g.lat_deg.front(), g.lon_deg.front(),
                     g.lat_deg.back(), g.lon_deg.back());
}

}  // namespace

Grid Grid::from_spec(std::string_view spec) {
  const size_t colon = spec.find(':');
  const std::string_view kind = spec.substr(0, colon);
  if (colon == std::string_view::npos) unknown(spec, "no ':'");
  const std::string_view body = spec.substr(colon + 1);
  if (kind == "healpix") return parse_healpix(spec, body);
  if (kind == "latlon") return parse_latlon(spec, body);
  if (kind == "gaussian") return parse_gaussian(spec, body);
  unknown(spec, fmt::format("unknown kind '{}'", kind));
}

std::string Grid::spec() const {
  if (const auto* h = std::get_if<HealpixGrid>(&grid_)) {
    const char* order[] = {":ring", ":nested", ":xy-south", ":xy-north"};
    return fmt::format("healpix:{}{}", h->nside, order[static_cast<int>(h->order)]);
  }
  if (const auto* g = std::get_if<LatLonGrid>(&grid_)) return latlon_spec(*g);
  const auto& r = std::get<ReducedGaussianGrid>(grid_);
  return fmt::format("gaussian:{}{}", r.octahedral ? 'O' : 'N', r.lat_deg.size() / 2);
}

}  // namespace pear::sphere
