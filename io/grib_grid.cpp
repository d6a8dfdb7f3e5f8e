#include "io/grib_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sphere/grid/rows.h"

namespace pear::io {

namespace {

constexpr double kGaussianToleranceDeg = 2e-3;  // GRIB1 stores millidegrees
constexpr long kMaxPoints = 1L << 30;           // four times 1 km; more is a damaged grid section
constexpr long kMaxGaussianNumber = 1L << 14;

std::string template_name(const GribHandle& h) {
  if (h.number("edition") == 2) return fmt::format("3.{}", h.find_number("gridDefinitionTemplateNumber").value_or(-1));
  return fmt::format("GRIB1 representation {}", h.find_number("dataRepresentationType").value_or(-1));
}

[[noreturn]] void unsupported(const GribHandle& h, const std::string& grid_type, const std::string& why = "") {
  throw DataError(
      "UnsupportedGrid", "io.grib",
      {.what = h.where(),
       .expected = "a regular lat-lon, regular or reduced Gaussian or HEALPix grid",
       .found = fmt::format("grid '{}' (template {}){}", grid_type, template_name(h), why.empty() ? "" : ", " + why),
       .hint = "interpolate the file to one of those grids first"});
}

/// Stored latitudes between the first and the last one.
std::vector<double> regular_rows(const GribHandle& h, long rows) {
  const double first = h.real("latitudeOfFirstGridPointInDegrees"), last = h.real("latitudeOfLastGridPointInDegrees");
  std::vector<double> lat(static_cast<size_t>(rows), first);
  for (long j = 1; j < rows; ++j)
    lat[static_cast<size_t>(j)] = first + (last - first) * static_cast<double>(j) / static_cast<double>(rows - 1);
  return lat;
}

long gaussian_number(const GribHandle& h, const std::string& grid_type) {
  const long n = h.number("N");
  if (n < 1 || n > kMaxGaussianNumber) unsupported(h, grid_type, fmt::format("N = {}", n));
  return n;
}

/// A grid section that contradicts itself is damaged: its numbers must not decide how much memory is taken.
void check_points(const GribHandle& h, double points) {
  const long stated = h.find_number("numberOfDataPoints").value_or(-1);
  const long packed =
      h.find_number("numberOfValues").value_or(-1);  // ecCodes forgets the other in second order packing
  if (points <= static_cast<double>(kMaxPoints) &&
      (h.number("edition") == 1 || points == static_cast<double>(stated) || points == static_cast<double>(packed)))
    return;
  throw DataError("BadMessage", "io.grib",
                  {.what = h.where() + ": grid",
                   .expected = fmt::format("{} points, at most {}", stated, kMaxPoints),
                   .found = fmt::format("{} points", points)});
}

std::vector<double> gaussian_rows(const GribHandle& h, long rows, const std::string& grid_type) {
  const double first = h.real("latitudeOfFirstGridPointInDegrees"), last = h.real("latitudeOfLastGridPointInDegrees");
  const std::vector<double> nodes = sphere::gaussian_latitudes_deg(2 * gaussian_number(h, grid_type));
  const double north = std::max(first, last);
  const auto start =
      std::find_if(nodes.begin(), nodes.end(), [&](double x) { return std::abs(x - north) < kGaussianToleranceDeg; });
  if (start == nodes.end() || nodes.end() - start < rows ||
      std::abs(start[rows - 1] - std::min(first, last)) > kGaussianToleranceDeg)
    unsupported(h, grid_type, fmt::format("rows from {} to {} are not nodes of N = {}", first, last, h.number("N")));
  std::vector<double> lat(start, start + rows);
  if (first < last) std::reverse(lat.begin(), lat.end());
  return lat;
}

std::vector<double> columns(const GribHandle& h, long cols) {
  const double first = h.real("longitudeOfFirstGridPointInDegrees"), last = h.real("longitudeOfLastGridPointInDegrees");
  const double sign = h.number("iScansNegatively") != 0 ? -1.0 : 1.0;
  double span = std::fmod(sign * (last - first), 360.0);
  if (span <= 1e-9) span += 360.0;
  double step = cols > 1 ? span / static_cast<double>(cols - 1) : 0;
  const double exact = 360.0 / static_cast<double>(cols);
  if (std::abs(step - exact) < 0.01 * exact && std::abs(step - exact) * static_cast<double>(cols) < 5e-3)
    step = exact;  // the last longitude of a global grid is rounded in the file
  std::vector<double> lon(static_cast<size_t>(cols));
  for (long i = 0; i < cols; ++i) lon[static_cast<size_t>(i)] = first + sign * step * static_cast<double>(i);
  return lon;
}

GribOrder regular(const GribHandle& h, const std::string& grid_type) {
  const auto cols = h.find_number("Ni"), rows = h.find_number("Nj");
  if (!cols || !rows || *cols < 1 || *rows < 1) unsupported(h, grid_type, "without a number of columns");
  check_points(h, static_cast<double>(*cols) * static_cast<double>(*rows));
  GribOrder order;
  order.latlon =
      canonical_latlon(grid_type == "regular_gg" ? gaussian_rows(h, *rows, grid_type) : regular_rows(h, *rows),
                       columns(h, *cols), h.where());
  order.grid = std::make_shared<const sphere::Grid>(order.latlon->grid);
  order.columns_first = h.find_number("jPointsAreConsecutive").value_or(0) != 0;
  order.alternate = h.find_number("alternativeRowScanning").value_or(0) != 0;
  return order;
}

GribOrder reduced(const GribHandle& h, const std::string& grid_type) {
  const std::vector<long> lengths = h.numbers("pl");
  const long n = gaussian_number(h, grid_type);
  const double last = h.real("longitudeOfLastGridPointInDegrees"), first = h.real("longitudeOfFirstGridPointInDegrees");
  if (static_cast<long>(lengths.size()) != 2 * n) unsupported(h, grid_type, "a part of the rows");
  sphere::ReducedGaussianGrid g{sphere::gaussian_latitudes_deg(2 * n), {lengths.begin(), lengths.end()}, true};
  const auto longest = static_cast<double>(*std::max_element(lengths.begin(), lengths.end()));
  if (longest < 1 || std::abs(first) > 1e-3 || last < 360.0 - 360.0 / longest - 2e-2)
    unsupported(h, grid_type, fmt::format("longitudes {} to {}, not the whole circle", first, last));
  for (long j = 0; j < 2 * n; ++j)
    g.octahedral = g.octahedral && lengths[static_cast<size_t>(j)] == 4 * (std::min(j, 2 * n - 1 - j) + 1) + 16;
  GribOrder order;
  order.rows_reversed = h.number("jScansPositively") != 0;
  if (h.number("iScansNegatively") != 0) unsupported(h, grid_type, "rows from east to west");
  if (order.rows_reversed) std::reverse(g.row_lengths.begin(), g.row_lengths.end());
  order.grid = std::make_shared<const sphere::Grid>(std::move(g));
  return order;
}

GribOrder healpix(const GribHandle& h, const std::string& grid_type) {
  const long shape = h.find_number("shapeOfTheEarth").value_or(6);
  if (shape != 0 && shape != 1 && shape != 6 && shape != 8)
    unsupported(h, grid_type, fmt::format("an oblate Earth (shape {})", shape));
  const double first = h.real("longitudeOfFirstGridPointInDegrees");
  if (std::abs(first - 45.0) > 1e-5) unsupported(h, grid_type, fmt::format("turned: first longitude {}", first));
  const std::string convention = h.text("orderingConvention");
  if (convention != "ring" && convention != "nested") unsupported(h, grid_type, "order '" + convention + "'");
  const auto nside = static_cast<double>(h.number("Nside"));
  check_points(h, nside < 1 ? 0 : 12 * nside * nside);
  GribOrder order;
  order.grid = std::make_shared<const sphere::Grid>(sphere::HealpixGrid{
      h.number("Nside"), convention == "ring" ? sphere::PixelOrder::Ring : sphere::PixelOrder::Nested});
  return order;
}

}  // namespace

std::string grib_grid_key(const GribHandle& h) {
  return h.find_text("md5GridSection").value_or("") + h.find_text("gridType").value_or("");
}

void check_healpix_known(long grid_template, const std::string& grid_type, long eccodes_version,
                         const std::string& where) {
  if (grid_template != 150 || grid_type == "healpix") return;
  throw DataError("LibraryTooOld", "io.grib",
                  {.what = where + ": HEALPix grid (template 3.150)",
                   .expected = "ecCodes 2.32 or newer",
                   .found = fmt::format("ecCodes {}.{}.{}", eccodes_version / 10000, eccodes_version / 100 % 100,
                                        eccodes_version % 100),
                   .hint = "build with the pinned ecCodes of scripts/fetch-deps.sh"});
}

GribOrder grib_order(const GribHandle& h) {
  const std::string grid_type = h.find_text("gridType").value_or("unknown");
  if (h.number("edition") == 2)
    check_healpix_known(h.number("gridDefinitionTemplateNumber"), grid_type, codes_get_api_version(), h.where());
  if (grid_type == "regular_ll" || grid_type == "regular_gg") return regular(h, grid_type);
  if (grid_type == "reduced_gg") return reduced(h, grid_type);
  if (grid_type == "healpix") return healpix(h, grid_type);
  unsupported(h, grid_type);
}

size_t stored_count(const GribOrder& order) {
  if (!order.latlon) return static_cast<size_t>(order.grid->num_cells());
  return order.latlon->rows.size() * static_cast<size_t>(order.latlon->stored_cols);
}

void canonical_values(const GribOrder& order, std::span<const float> stored, std::span<float> out,
                      const std::string& where) {
  const size_t expected = stored_count(order);
  if (stored.size() != expected)
    throw DataError("BadMessage", "io.grib",
                    {.what = where,
                     .expected = fmt::format("{} values, one for each point of {}", expected, order.grid->spec()),
                     .found = fmt::format("{} values", stored.size())});
  if (!order.latlon) {
    std::copy(stored.begin(), stored.end(), out.begin());
    if (order.rows_reversed) {
      size_t at = 0, from = stored.size();
      for (int64_t n : std::get<sphere::ReducedGaussianGrid>(order.grid->value()).row_lengths) {
        from -= static_cast<size_t>(n);
        std::copy_n(stored.begin() + static_cast<std::ptrdiff_t>(from), n,
                    out.begin() + static_cast<std::ptrdiff_t>(at));
        at += static_cast<size_t>(n);
      }
    }
    return;
  }
  const auto cols = order.latlon->stored_cols, rows = static_cast<int64_t>(order.latlon->rows.size());
  const int64_t line = order.columns_first ? rows : cols;
  std::vector<float> straight;
  if (order.alternate) {
    straight.assign(stored.begin(), stored.end());
    for (size_t at = static_cast<size_t>(line); at < straight.size(); at += 2 * static_cast<size_t>(line))
      std::reverse(straight.begin() + static_cast<std::ptrdiff_t>(at),
                   straight.begin() + static_cast<std::ptrdiff_t>(at) + line);
    stored = straight;
  }
  reorder(*order.latlon, stored, order.columns_first ? 1 : cols, order.columns_first ? rows : 1, out, where);
}

}  // namespace pear::io
