// The lat-lon twin of PEAR: the same trunk on rows and columns, as published or with nothing but the grid changed.
#pragma once

#include "forecast/model/window_network.h"
#include "sphere/window/latlon_windows.h"

namespace pear::forecast {

/// Rows and columns of cells or tokens.
struct RowsColumns {
  int64_t rows = 0, columns = 0;
};

/// Extents and pads that follow from a layout and a configuration.
struct TwinExtents : StackExtents {
  RowsColumns cells, tokens, coarse;
  sphere::LatLonPads patch_pads;              ///< cells of zeros around the grid
  sphere::LatLonPads merge_pads;              ///< tokens of zeros where the fine token grid is odd
  sphere::LatLonPads fine_pads, coarse_pads;  ///< tokens of zeros where windows do not divide
};

/// Rows and columns are uniform: the published axis linspace(0, 359.75) with its narrow seam is not repeated.
/// Source:  WeatherLearn 41333e1 as vendored in PEAR-Weather 32e2f6c (`published`); pear-model design section 3.
/// Errors:  ConfigError `BadModelGrid` (not a lat-lon grid around the globe; patch, windows or merging do not divide it
///          and padding is off; pads along longitude with model.lon_mask: periodic, which they break; rows that the
///          published program pads wrongly), ShapeError `BadWindow` (a window larger than the coarse token grid).
TwinExtents twin_extents(const ModelConfig& config, const StateLayout& layout);

/// model.variant `published`: 11,385,993 parameters at width 48 (33,696,777 at 192) on latlon:157x314.
/// model.variant `matched`: 4,279,881 on latlon:192x256, as PEAR on healpix:64. Parameters are named as PEAR's;
/// `published_names.h` knows the names of the published baseline.
class PanguTwin : public WindowNetwork {
 public:
  PanguTwin(const ModelConfig& config, const StateLayout& layout);
  PublishedStyle published_style() const override { return style_; }

 private:
  PublishedStyle style_;
};

}  // namespace pear::forecast
