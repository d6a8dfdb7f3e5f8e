// Truth, forecast and difference of one channel as three pictures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "forecast/verify/report.h"
#include "forecast/verify/report_png.h"

namespace pear::forecast {

inline constexpr int kMapRows = 180, kMapColumns = 360;

/// Viridis: even steps for the eye, also without colour vision. Blue-white-red: 0 is white.
enum class ColourMap { Sequential, Diverging };
/// 255 colours and grey for missing values.
Palette make_palette(ColourMap map);

/// Values to colours 0 … 254, linear between low and high; 255 for NaN. Values outside take the end's colour.
std::vector<uint8_t> colour_indices(const std::vector<float>& values, double low, double high);

/// The maps' channel and moment, with its fields on the model's grid.
struct MapFields {
  std::string channel, units;
  Time init;
  Duration lead;
  sphere::Grid grid;
  std::vector<float> truth, forecast;  ///< [cells]
};

struct MapChoice {
  std::string channel;  ///< canonical
  Time init;
  Duration lead;
};

/// Reads what report.{channel, init, lead} name, or the defaults; `channels` are those of the curves.
/// Empty, with the reason in `note`, when there are no forecast files, no truth, or none that fit together.
/// Errors:  DataError `MissingChannel`, `MissingTime`, `MissingLead` for what the configuration names.
std::optional<MapFields> read_map_fields(const ReportRequest& request, const std::vector<std::string>& channels,
                                         std::string& note);

/// Field on a 1 degree picture, row 0 at the north, column 0 at 180 W, Greenwich in the middle.
/// Shapes:  [cells] -> [kMapRows * kMapColumns]; NaN outside regional grids.
std::vector<float> sample_map(const sphere::Grid& grid, const std::vector<float>& values, const std::string& sampling);

/// Area-weighted mean and root mean square of forecast - truth over the grid.
struct MapError {
  double bias = 0, rmse = 0;
};
MapError map_error(const MapFields& fields);

/// Three `figure` elements: truth and forecast on one scale, the difference on a symmetric one.
std::string draw_maps(const MapFields& fields, const std::string& sampling, const std::string& truth_title);

}  // namespace pear::forecast
