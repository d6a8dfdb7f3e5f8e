// A grid on the sphere as a value: how many cells, where they are, how large they are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pear::sphere {

/// Numbering of HEALPix pixels. XySouth / XyNorth are face-major [12][nside][nside] layouts.
enum class PixelOrder { Ring, Nested, XySouth, XyNorth };

struct HealpixGrid {
  int64_t nside = 1;
  PixelOrder order = PixelOrder::Nested;
  bool operator==(const HealpixGrid&) const = default;
};

/// How the rows of a regular grid lie (design: N rows, colatitude theta_j, north first).
enum class RowKind {
  Poles,     ///< theta_j = pi j/(N-1): holds both poles
  Half,      ///< theta_j = pi (j+1/2)/N: cell-centred
  North,     ///< theta_j = pi j/N: north pole row only
  Inner,     ///< uniform step, none of the above, global
  Gaussian,  ///< Legendre nodes
  Regional   ///< a sub-area: not global
};

/// Rows x columns; canonical order is north to south, longitudes ascending from the first >= 0
/// (Regional grids keep their own west-to-east range, which may start below 0).
struct LatLonGrid {
  RowKind rows = RowKind::Poles;
  std::vector<double> lat_deg;  ///< [N] north first
  std::vector<double> lon_deg;  ///< [M] ascending
  bool operator==(const LatLonGrid&) const = default;
};

/// Gaussian rows with a row length of their own, starting at longitude 0.
struct ReducedGaussianGrid {
  std::vector<double> lat_deg;       ///< [2 N]
  std::vector<int64_t> row_lengths;  ///< [2 N]
  bool octahedral = false;
  bool operator==(const ReducedGaussianGrid&) const = default;
};

class Grid {
 public:
  Grid() = default;
  explicit Grid(HealpixGrid g);
  explicit Grid(LatLonGrid g);
  explicit Grid(ReducedGaussianGrid g);

  /// Specs: `healpix:64` (nested), `healpix:64:ring|nested|xy-south|xy-north`,
  /// `latlon:721x1440+poles|+half|+north|+inner`, `gaussian:F32`, `gaussian:N48`, `gaussian:O32`;
  /// `+lon0=0.5` when the first meridian is not 0 deg; `latlon:121x201+area=60/-10/30/40` (N/W/S/E).
  /// Errors: ConfigError `UnknownGrid`, `NestedNeedsPowerOfTwo`.
  static Grid from_spec(std::string_view spec);

  /// Classifies coordinate values (1e-3 deg for Gaussian nodes, 1e-5 deg otherwise), never attributes.
  /// Both arrays must already be canonical (north first, ascending).
  /// Errors: DataError `RowsNotMonotonic`, `LongitudesIrregular`.
  static Grid from_coordinates(std::span<const double> lat_deg, std::span<const double> lon_deg);

  /// Text that `from_spec` reads back to an equal grid (Regional: to rounding of the area).
  std::string spec() const;
  int64_t num_cells() const;
  bool is_global() const;
  bool is_healpix() const { return std::holds_alternative<HealpixGrid>(grid_); }
  /// Errors: std::bad_variant_access (our own mistake) if it is another kind.
  const HealpixGrid& healpix() const { return std::get<HealpixGrid>(grid_); }
  bool is_latlon() const { return std::holds_alternative<LatLonGrid>(grid_); }
  const LatLonGrid& latlon() const { return std::get<LatLonGrid>(grid_); }
  const std::variant<HealpixGrid, LatLonGrid, ReducedGaussianGrid>& value() const { return grid_; }

  /// Cell centres in degrees, canonical order: two arrays [num_cells]; longitudes in [0, 360)
  /// (Regional: as stored).
  struct Centres {
    std::vector<double> lat_deg, lon_deg;
  };
  Centres centres() const;

  /// Solid angle of every cell [num_cells] in steradian; sums to 4 pi for global grids.
  std::vector<double> areas_sr() const;

  bool operator==(const Grid&) const = default;

 private:
  std::variant<HealpixGrid, LatLonGrid, ReducedGaussianGrid> grid_;
};

}  // namespace pear::sphere
