// Specs: text <-> grid.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "sphere/grid/grid.h"
#include "sphere/grid/reduced_rows.h"
#include "sphere/grid/rows.h"

namespace pear::sphere {
namespace {

constexpr double kRoundingDeg = 1e-5;  // as classify_rows
constexpr int64_t kMostRows = 1000000;
constexpr int64_t kMostGaussianRows = 16384;  // 1.2 km; finding the nodes costs their square: seconds here

[[noreturn]] void unknown(std::string_view spec, const std::string& why) {
  throw ConfigError(
      "UnknownGrid", "sphere.grid",
      {.what = fmt::format("grid '{}': {}", spec, why),
       .hint = "known forms: healpix:64, healpix:64:ring|nested|xy-south|xy-north, "
               "latlon:721x1440+poles|+half|+north|+inner, gaussian:F32, gaussian:N48, gaussian:O32, gaussian:64x128; "
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

/// "a/b/c" as numbers; nullopt if one of them is not a number.
std::optional<std::vector<double>> reals(std::string_view text) {
  std::vector<double> values;
  for (std::string_view part : split(text, '/')) {
    const auto v = real(part);
    if (!v) return std::nullopt;
    values.push_back(*v);
  }
  return values;
}

/// Row kind and first meridian from the `+…` options.
struct Options {
  std::optional<RowKind> rows;
  double lon0 = 0.0;
  std::vector<double> area;   // N/W/S/E
  std::vector<double> inner;  // first and last row, where not one step off the poles
  std::vector<double> lats;   // rows of a regional grid in unequal steps
  std::string_view pl;        // row lengths of a reduced grid
};

/// Value of `key=a/b/c`, if the word is that.
bool read_numbers(std::string_view word, std::string_view key, std::vector<double>& out) {
  if (!word.starts_with(key)) return false;
  const auto values = reals(word.substr(key.size()));
  if (values) out = *values;
  return values.has_value();
}

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
    else if (word.starts_with("pl="))
      o.pl = word.substr(3);
    else if (word.starts_with("lon0=") && real(word.substr(5)))
      o.lon0 = *real(word.substr(5));
    else if (read_numbers(word, "inner=", o.inner))
      o.rows = RowKind::Inner;
    else if (!read_numbers(word, "area=", o.area) && !read_numbers(word, "lats=", o.lats))
      unknown(spec, fmt::format("unknown option '+{}'", word));
  }
  return o;
}

/// Equal steps, or one value where both ends are equal.
bool is_axis(double first, double last, int64_t count) { return count == 1 ? first == last : first < last; }

Grid parse_area(std::string_view spec, int64_t rows, int64_t cols, const Options& o) {
  const auto& a = o.area;
  if (a.size() != 4 || !is_axis(a[2], a[0], rows) || !is_axis(a[1], a[3], cols))
    unknown(spec, "expected +area=NORTH/WEST/SOUTH/EAST with north > south and east > west");
  if (!o.lats.empty() && static_cast<int64_t>(o.lats.size()) != rows) unknown(spec, "+lats needs one value per row");
  return Grid(LatLonGrid{RowKind::Regional, o.lats.empty() ? uniform_deg(a[0], a[2], rows) : o.lats,
                         uniform_deg(a[1], a[3], cols)});
}

void check_lon0(std::string_view spec, double lon0, int64_t cols) {
  if (lon0 < 0.0 || lon0 >= 360.0 / static_cast<double>(cols))
    unknown(spec, fmt::format("lon0 must be at least 0 and below one step ({:.6g} degrees)",
                              360.0 / static_cast<double>(cols)));
}

/// ROWSxCOLUMNS.
std::optional<std::array<int64_t, 2>> extents(std::string_view text) {
  const auto parts = split(text, 'x');
  const auto rows = parts.size() == 2 ? whole(parts[0]) : std::nullopt;
  const auto cols = parts.size() == 2 ? whole(parts[1]) : std::nullopt;
  if (!rows || !cols || *rows > kMostRows || *cols > kMostRows) return std::nullopt;
  return std::array<int64_t, 2>{*rows, *cols};
}

Grid parse_latlon(std::string_view spec, std::string_view body) {
  const auto words = split(body, '+');
  const auto size = extents(words[0]);
  if (!size) unknown(spec, "expected latlon:ROWSxCOLUMNS");
  const auto [rows, cols] = *size;
  const Options o = options(spec, std::span(words).subspan(1));
  if (!o.area.empty()) return parse_area(spec, rows, cols, o);
  if (!o.rows || !o.pl.empty() || !o.lats.empty()) unknown(spec, "the rows need one of +poles, +half, +north, +inner");
  if (rows < 2) unknown(spec, "a grid needs at least two rows");
  check_lon0(spec, o.lon0, cols);
  auto lat = row_latitudes_deg(*o.rows, rows);
  if (!o.inner.empty()) {
    if (o.inner.size() != 2 || o.inner[0] <= o.inner[1] || o.inner[0] > 90 || o.inner[1] < -90)
      unknown(spec, "expected +inner=FIRST/LAST from north to south");
    const double step = (o.inner[0] - o.inner[1]) / static_cast<double>(rows - 1);
    if (std::max(90 - o.inner[0], 90 + o.inner[1]) > step + kRoundingDeg)
      unknown(spec, "inner rows leave at most one step to either pole; a part of the globe is +area=");
    lat = uniform_deg(o.inner[0], o.inner[1], rows);
  }
  return Grid(LatLonGrid{*o.rows, std::move(lat), column_longitudes_deg(cols, o.lon0)});
}

Grid parse_reduced(std::string_view spec, char kind, int64_t n, const Options& o) {
  auto lengths = kind == 'O' ? octahedral_row_lengths(n) : classic_row_lengths(n).value_or(std::vector<int64_t>());
  if (!o.pl.empty()) {
    const auto read = row_lengths_from_text(o.pl, n);
    if (!read) unknown(spec, fmt::format("+pl needs {} row lengths, pole to equator, as 20x2/25/36", n));
    lengths = *read;
  }
  if (lengths.empty())
    unknown(spec,
            fmt::format("no standard row lengths for N{}; known are {}, others need +pl=", n, known_classic_grids()));
  return Grid(ReducedGaussianGrid{gaussian_latitudes_deg(2 * n), std::move(lengths), kind == 'O'});
}

Grid parse_gaussian(std::string_view spec, std::string_view body) {
  const auto words = split(body, '+');
  const Options o = options(spec, std::span(words).subspan(1));
  if (o.rows || !o.area.empty() || !o.lats.empty()) unknown(spec, "Gaussian grids take only +lon0 and +pl");
  if (const auto size = extents(words[0])) {
    const auto [rows, cols] = *size;
    if (rows < 2 || rows > kMostGaussianRows)
      unknown(spec, fmt::format("a Gaussian grid has 2 to {} rows", kMostGaussianRows));
    check_lon0(spec, o.lon0, cols);
    return Grid(LatLonGrid{RowKind::Gaussian, gaussian_latitudes_deg(rows), column_longitudes_deg(cols, o.lon0)});
  }
  const char kind = words[0].empty() ? ' ' : words[0][0];
  const auto n = words[0].empty() ? std::nullopt : whole(words[0].substr(1));
  if (!n || *n > kMostGaussianRows / 2 || (kind != 'F' && kind != 'N' && kind != 'O'))
    unknown(spec, fmt::format("expected gaussian:F32, gaussian:N48, gaussian:O32 or gaussian:ROWSxCOLUMNS, up to {}",
                              kMostGaussianRows / 2));
  if (kind != 'F') return parse_reduced(spec, kind, *n, o);
  check_lon0(spec, o.lon0, 4 * *n);
  return Grid(LatLonGrid{RowKind::Gaussian, gaussian_latitudes_deg(2 * *n), column_longitudes_deg(4 * *n, o.lon0)});
}

std::string lon0_suffix(const LatLonGrid& g) {
  return g.lon_deg.front() == 0.0 ? "" : fmt::format("+lon0={}", g.lon_deg.front());
}

std::string latlon_spec(const LatLonGrid& g) {
  const size_t rows = g.lat_deg.size(), cols = g.lon_deg.size();
  const auto named = [&](const std::string& kind) {
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
      if (g.lat_deg == row_latitudes_deg(RowKind::Inner, static_cast<int64_t>(rows))) return named("inner");
      return named(fmt::format("inner={}/{}", g.lat_deg.front(), g.lat_deg.back()));
    case RowKind::Gaussian:
      if (cols == 2 * rows && rows % 2 == 0) return fmt::format("gaussian:F{}{}", rows / 2, lon0_suffix(g));
      return fmt::format("gaussian:{}x{}{}", rows, cols, lon0_suffix(g));
    case RowKind::Regional:
      break;
  }
  std::string text = fmt::format("latlon:{}x{}+area={}/{}/{}/{}", rows, cols, g.lat_deg.front(), g.lon_deg.front(),
                                 g.lat_deg.back(), g.lon_deg.back());
  const auto uniform = uniform_deg(g.lat_deg.front(), g.lat_deg.back(), static_cast<int64_t>(rows));
  for (size_t j = 0; j < rows; ++j)
    if (std::abs(uniform[j] - g.lat_deg[j]) > 1e-5) return text + fmt::format("+lats={}", fmt::join(g.lat_deg, "/"));
  return text;
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
  const auto n = static_cast<int64_t>(r.lat_deg.size() / 2);
  if (r.octahedral) return fmt::format("gaussian:O{}", n);
  if (classic_row_lengths(n) == r.row_lengths) return fmt::format("gaussian:N{}", n);
  return fmt::format("gaussian:N{}+pl={}", n, text_from_row_lengths(r.row_lengths));
}

}  // namespace pear::sphere
