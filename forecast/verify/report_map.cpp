#include "forecast/verify/report_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "forecast/verify/report_svg.h"
#include "forecast/verify/report_text.h"
#include "regrid/apply.h"
#include "regrid/weights.h"

namespace pear::forecast {
namespace {

// One picture with its labels and colour bar, in the units of the SVG.
constexpr double kLeft = 38, kTop = 26, kMapWidth = 480, kMapHeight = 240, kBarTop = kTop + kMapHeight + 30;
constexpr double kBarHeight = 12, kBarInset = 40, kWidth = kLeft + kMapWidth + 14, kHeight = kBarTop + kBarHeight + 42;
constexpr uint8_t kMissingColour = 255;
constexpr int kColours = 255;

struct Scale {
  double low = 0, high = 1;
  ColourMap map = ColourMap::Sequential;
  Ticks ticks;
};

template <size_t N>
Palette palette_from(const std::array<Colour, N>& stops) {
  Palette palette{};
  for (int i = 0; i < kColours; ++i) {
    const double x = static_cast<double>(i) / (kColours - 1) * (N - 1);
    const auto k = std::min(static_cast<size_t>(x), N - 2);
    const double f = x - static_cast<double>(k);
    const auto mix = [&](uint8_t a, uint8_t b) { return static_cast<uint8_t>(std::lround((1 - f) * a + f * b)); };
    palette[static_cast<size_t>(i)] = {mix(stops[k].red, stops[k + 1].red), mix(stops[k].green, stops[k + 1].green),
                                       mix(stops[k].blue, stops[k + 1].blue)};
  }
  palette[kMissingColour] = {0xBB, 0xBB, 0xBB};
  return palette;
}

std::string data_uri(const std::vector<uint8_t>& pixels, int width, int height, ColourMap map) {
  return "data:image/png;base64," + base64(encode_png(pixels, width, height, make_palette(map)));
}

std::string image(double x, double y, double width, double height, const std::string& uri, bool smooth) {
  return fmt::format(
      "<image x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" preserveAspectRatio=\"none\"{} "
      "href=\"{}\"/>\n",
      x, y, width, height, smooth ? "" : " style=\"image-rendering:pixelated\"", uri);
}

std::string text(double x, double y, std::string_view anchor, std::string_view css, const std::string& words) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y, anchor, css,
                     escape_html(words));
}

std::string degrees(int value, std::string_view positive, std::string_view negative) {
  return fmt::format("{}\xC2\xB0{}", std::abs(value),
                     value == 0 || value == 180 || value == -180 ? ""
                     : value > 0                                 ? positive
                                                                 : negative);
}

std::string graticule() {
  std::string out;
  for (int lon = -180; lon <= 180; lon += 60) {
    const double x = kLeft + (lon + 180) / 360.0 * kMapWidth;
    out += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" class=\"graticule\"/>\n", x,
                       kTop, kTop + kMapHeight) +
           text(x, kTop + kMapHeight + 15, "middle", "tick", degrees(lon, "E", "W"));
  }
  for (int lat = -90; lat <= 90; lat += 30) {
    const double y = kTop + (90 - lat) / 180.0 * kMapHeight;
    out += fmt::format("<line x1=\"{0:.1f}\" y1=\"{2:.1f}\" x2=\"{1:.1f}\" y2=\"{2:.1f}\" class=\"graticule\"/>\n",
                       kLeft, kLeft + kMapWidth, y) +
           text(kLeft - 5, y + 4, "end", "tick", degrees(lat, "N", "S"));
  }
  return out;
}

std::string colour_bar(const Scale& scale, const std::string& units) {
  std::vector<uint8_t> steps(kColours);
  std::iota(steps.begin(), steps.end(), uint8_t{0});
  const double left = kLeft + kBarInset, width = kMapWidth - 2 * kBarInset;
  std::string out = image(left, kBarTop, width, kBarHeight, data_uri(steps, kColours, 1, scale.map), true);
  for (int i = 0; i < scale.ticks.count; ++i) {
    const double value = scale.ticks.at(i);
    if (value < scale.low - 1e-9 * scale.ticks.step || value > scale.high + 1e-9 * scale.ticks.step) continue;
    const double x = left + (value - scale.low) / (scale.high - scale.low) * width;
    const std::string number = fmt::format("{:.{}f}", std::abs(value), scale.ticks.decimals());
    out += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" class=\"axis\"/>\n", x,
                       kBarTop + kBarHeight, kBarTop + kBarHeight + 4) +
           text(x, kBarTop + kBarHeight + 17, "middle", "tick",
                (value < -scale.ticks.step / 2 ? "\xE2\x88\x92" : "") + number);
  }
  return out + text(kLeft + kMapWidth / 2, kBarTop + kBarHeight + 34, "middle", "label", units);
}

std::string draw_map(const std::vector<float>& pixels, const Scale& scale, const std::string& title,
                     const std::string& units, bool smooth) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" aria-label=\"{2}\">\n",
      kWidth, kHeight, escape_html(title));
  out += text(kLeft, 17, "start", "title", title);
  const auto colours = colour_indices(pixels, scale.low, scale.high);
  out += image(kLeft, kTop, kMapWidth, kMapHeight, data_uri(colours, kMapColumns, kMapRows, scale.map), smooth);
  return out + graticule() + colour_bar(scale, units) + "</svg>\n";
}

Scale shared_scale(const std::vector<float>& a, const std::vector<float>& b) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto* field : {&a, &b})
    for (const float v : *field)
      if (std::isfinite(v)) {
        low = std::min<double>(low, v);
        high = std::max<double>(high, v);
      }
  const Ticks ticks = round_ticks(low, high, 6);
  // The scale ends at the values, not at the ticks around them, unless there is but one value.
  if (!(high > low)) return {ticks.first, ticks.last(), ColourMap::Sequential, ticks};
  return {low, high, ColourMap::Sequential, ticks};
}

Scale symmetric_scale(const std::vector<float>& difference) {
  double size = 0;
  for (const float v : difference)
    if (std::isfinite(v)) size = std::max<double>(size, std::abs(v));
  if (size == 0) size = 1;
  return {-size, size, ColourMap::Diverging, round_ticks(-size, size, 6)};
}

}  // namespace

Palette make_palette(ColourMap map) {
  if (map == ColourMap::Sequential)
    return palette_from<9>({{{0x44, 0x01, 0x54},
                             {0x47, 0x2D, 0x7B},
                             {0x3B, 0x52, 0x8B},
                             {0x2C, 0x72, 0x8E},
                             {0x21, 0x91, 0x8C},
                             {0x28, 0xAE, 0x80},
                             {0x5E, 0xC9, 0x62},
                             {0xAD, 0xDC, 0x30},
                             {0xFD, 0xE7, 0x25}}});
  return palette_from<11>({{{0x05, 0x30, 0x61},
                            {0x21, 0x66, 0xAC},
                            {0x43, 0x93, 0xC3},
                            {0x92, 0xC5, 0xDE},
                            {0xD1, 0xE5, 0xF0},
                            {0xFF, 0xFF, 0xFF},
                            {0xFD, 0xDB, 0xC7},
                            {0xF4, 0xA5, 0x82},
                            {0xD6, 0x60, 0x4D},
                            {0xB2, 0x18, 0x2B},
                            {0x67, 0x00, 0x1F}}});
}

std::vector<uint8_t> colour_indices(const std::vector<float>& values, double low, double high) {
  std::vector<uint8_t> out(values.size(), kMissingColour);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const double x = (values[i] - low) / (high - low) * (kColours - 1);
    out[i] = static_cast<uint8_t>(std::lround(std::clamp(x, 0.0, kColours - 1.0)));
  }
  return out;
}

std::vector<float> sample_map(const sphere::Grid& grid, const std::vector<float>& values, const std::string& sampling) {
  const auto picture = sphere::Grid::from_spec(fmt::format("latlon:{}x{}+half+lon0=0.5", kMapRows, kMapColumns));
  const auto weights = regrid::make_weights(grid, picture, regrid::method_from_string(sampling));
  std::vector<float> out(static_cast<size_t>(picture.num_cells()));
  std::vector<float> finite = values;  // a forecast that blew up is shown as missing
  for (float& v : finite)
    if (!std::isfinite(v)) v = std::numeric_limits<float>::quiet_NaN();
  regrid::apply_weights(weights, std::span<const float>(finite), std::span<float>(out), 1,
                        {.missing = regrid::MissingPolicy::IfHeaviest});
  for (int row = 0; row < kMapRows; ++row) {
    const auto first = out.begin() + static_cast<ptrdiff_t>(row) * kMapColumns;
    std::rotate(first, first + kMapColumns / 2, first + kMapColumns);
  }
  return out;
}

MapError map_error(const MapFields& fields) {
  const std::vector<double> areas = fields.grid.areas_sr();
  double weight = 0, sum = 0, squares = 0;
  for (size_t i = 0; i < areas.size(); ++i) {
    const double e = static_cast<double>(fields.forecast[i]) - fields.truth[i];
    if (!std::isfinite(e)) continue;
    weight += areas[i];
    sum += areas[i] * e;
    squares += areas[i] * e * e;
  }
  return {sum / weight, std::sqrt(squares / weight)};
}

std::string draw_maps(const MapFields& fields, const std::string& sampling, const std::string& truth_title) {
  const auto truth = sample_map(fields.grid, fields.truth, sampling);
  const auto forecast = sample_map(fields.grid, fields.forecast, sampling);
  std::vector<float> difference(truth.size());
  for (size_t i = 0; i < truth.size(); ++i) difference[i] = forecast[i] - truth[i];
  const Scale shared = shared_scale(truth, forecast);
  const std::string units = fmt::format("{} [{}]", fields.channel, pretty_units(fields.units));
  const bool smooth = sampling != "nearest";
  const std::string valid = format_time(fields.init + fields.lead);
  const std::string figures[] = {
      draw_map(truth, shared, fmt::format("{} at {}", truth_title, valid), units, smooth),
      draw_map(forecast, shared, fmt::format("Forecast, {} ahead", format_duration(fields.lead)), units, smooth),
      draw_map(difference, symmetric_scale(difference), "Forecast minus truth", units, smooth)};
  std::string out;
  for (const std::string& figure : figures) out += "<figure>" + figure + "</figure>\n";
  return out;
}

}  // namespace pear::forecast
