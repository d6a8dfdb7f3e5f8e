// Text, pictures and figures of the report, each against an independent reading.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "forecast/verify/report_map.h"
#include "forecast/verify/report_png.h"
#include "forecast/verify/report_svg.h"
#include "forecast/verify/report_text.h"
#include "forecast/verify/report_verdict.h"

namespace pear::forecast {
namespace {

TEST(ReportText, MarkupIsEscapedAndBytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(escape_html("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(escape_html("m\xC2\xB2"), "m\xC2\xB2");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape_html(std::string("x\0y\x1B", 4)), "x" + bad + "y" + bad);
  EXPECT_EQ(escape_html("\xC3"), bad);                      // cut short
  EXPECT_EQ(escape_html("\xC0\xBC"), bad + bad);            // overlong '<'
  EXPECT_EQ(escape_html("\xED\xA0\x80"), bad + bad + bad);  // surrogate
}

TEST(ReportText, UnitsAndNumbersAreReadable) {
  EXPECT_EQ(pretty_units("m2 s-2"), "m\xC2\xB2 s\xE2\x81\xBB\xC2\xB2");
  EXPECT_EQ(pretty_units("1"), "1");
  EXPECT_EQ(pretty_units("K"), "K");
  EXPECT_EQ(pretty_number(3.36416063), "3.364");
  EXPECT_EQ(pretty_number(-0.5),
            "\xE2\x88\x92"
            "0.5");
  EXPECT_EQ(pretty_number(54321.4), "54321");
  EXPECT_EQ(pretty_number(-0.0), "0");
  EXPECT_EQ(decimals_for(271.2), 0);
  EXPECT_EQ(decimals_for(0.0123), 4);
  EXPECT_EQ(fixed_number(3.5, 3), "3.500");
  EXPECT_EQ(pretty_number(std::nan("")), "\xE2\x80\x93");
}

TEST(ReportPng, Base64IsThatOfTheStandard) {
  // RFC 4648 section 10.
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFF\xFE\xFB"), "//77");
}

uint32_t big_endian(const std::string& s, size_t at) {
  uint32_t v = 0;
  for (size_t k = 0; k < 4; ++k) v = v << 8 | static_cast<unsigned char>(s.at(at + k));
  return v;
}

/// CRC-32 bit by bit, from the definition in the PNG specification.
uint32_t plain_crc(const std::string& bytes) {
  uint32_t c = 0xFFFFFFFFu;
  for (const char b : bytes) {
    c ^= static_cast<unsigned char>(b);
    for (int k = 0; k < 8; ++k) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
  }
  return ~c;
}

TEST(ReportPng, ChunksChecksumsAndPixelsReadBack) {
  Palette palette{};
  for (size_t i = 0; i < 256; ++i) palette[i] = {static_cast<uint8_t>(i), static_cast<uint8_t>(255 - i), 7};
  const std::vector<uint8_t> pixels{0, 1, 2, 253, 254, 255};
  const std::string png = encode_png(pixels, 3, 2, palette);
  ASSERT_EQ(png.substr(0, 8), std::string("\x89PNG\r\n\x1A\n", 8));
  std::vector<std::string> types;
  std::string header, colours, data;
  for (size_t at = 8; at < png.size();) {
    const uint32_t length = big_endian(png, at);
    const std::string body = png.substr(at + 4, 4 + length);
    ASSERT_EQ(big_endian(png, at + 8 + length), plain_crc(body));
    types.push_back(body.substr(0, 4));
    (types.back() == "IHDR" ? header : types.back() == "PLTE" ? colours : data) += body.substr(4);
    at += 12 + length;
  }
  EXPECT_EQ(types, (std::vector<std::string>{"IHDR", "PLTE", "IDAT", "IEND"}));
  ASSERT_EQ(header.size(), 13u);
  EXPECT_EQ(big_endian(header, 0), 3u);
  EXPECT_EQ(big_endian(header, 4), 2u);
  EXPECT_EQ(header.substr(8), std::string("\x08\x03\0\0\0", 5));
  ASSERT_EQ(colours.size(), 768u);
  EXPECT_EQ(colours.substr(3, 3), std::string("\x01\xFE\x07", 3));
  std::string raw(8, 'x');
  uLongf size = raw.size();
  ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(raw.data()), &size, reinterpret_cast<const Bytef*>(data.data()),
                       static_cast<uLong>(data.size())),
            Z_OK);
  EXPECT_EQ(size, 8u);
  EXPECT_EQ(raw, std::string("\0\x00\x01\x02\0\xFD\xFE\xFF", 8));
}

TEST(ReportPng, WrongSizesAreRefused) {
  EXPECT_THROW(encode_png(std::vector<uint8_t>(5), 3, 2, {}), ShapeError);
  EXPECT_THROW(encode_png({}, 0, 0, {}), ShapeError);
}

TEST(ReportSvg, TicksAreRoundAndCoverTheValues) {
  const Ticks a = round_ticks(0.3, 4.9, 6);
  EXPECT_DOUBLE_EQ(a.step, 1);
  EXPECT_DOUBLE_EQ(a.first, 0);
  EXPECT_DOUBLE_EQ(a.last(), 5);
  const Ticks b = round_ticks(-0.012, 0.018, 6);
  EXPECT_DOUBLE_EQ(b.step, 0.005);
  EXPECT_EQ(b.decimals(), 3);
  EXPECT_LE(b.first, -0.012);
  EXPECT_GE(b.last(), 0.018);
  const Ticks one = round_ticks(273.0, 273.0, 6);
  EXPECT_LT(one.first, 273);
  EXPECT_GT(one.last(), 273);
  const Ticks none = round_ticks(std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 6);
  EXPECT_LT(none.first, none.last());
}

TEST(ReportSvg, AFigureHasOneLinePerModelItsUnitsAndNoMarkupFromNames) {
  const CurveFigure figure{.title = "t2m: RMSE",
                           .value_label = "RMSE [K]",
                           .from_zero = true,
                           .curves = {{"a<b", "K", {{6, 1, 0.9, 1.1, 3}, {12, 2, 1.9, 2.1, 3}}},
                                      {"persistence", "K", {{6, 3, NAN, NAN, 3}, {12, 4, NAN, NAN, 3}}}},
                           .styles = {style_of("a<b", 0), style_of("persistence", 0)}};
  const std::string svg = draw_curves(figure);
  const auto count = [&](const std::string& words) {
    int n = 0;
    for (size_t at = 0; (at = svg.find(words, at)) != std::string::npos; ++at) ++n;
    return n;
  };
  EXPECT_EQ(count("<polyline"), 2);
  EXPECT_EQ(count("<polygon"), 1);  // only one has confidence limits
  EXPECT_EQ(count("a<b"), 0);
  EXPECT_EQ(count("nan"), 0);
  EXPECT_EQ(count("RMSE [K]"), 1);
  EXPECT_EQ(count("lead time [h]"), 1);
}

TEST(ReportSvg, ModelsDifferInMoreThanColour) {
  const CurveStyle own = style_of("pear", 0), persistence = style_of("persistence", 0),
                   climatology = style_of("climatology", 0);
  EXPECT_NE(own.marker, persistence.marker);
  EXPECT_NE(own.dash, persistence.dash);
  EXPECT_NE(persistence.marker, climatology.marker);
  EXPECT_NE(persistence.dash, climatology.dash);
}

TEST(ReportMap, ColoursRunFromLowToHighAndMissingIsGrey) {
  const auto c = colour_indices({-1, 0, 1, 9, std::numeric_limits<float>::quiet_NaN()}, -1, 1);
  EXPECT_EQ(c, (std::vector<uint8_t>{0, 127, 254, 254, 255}));
  const Palette diverging = make_palette(ColourMap::Diverging);
  EXPECT_EQ(diverging[127], (Colour{255, 255, 255}));
  EXPECT_GT(diverging[0].blue, diverging[0].red);
  EXPECT_GT(diverging[254].red, diverging[254].blue);
}

TEST(ReportMap, NorthIsUpAndGreenwichIsInTheMiddle) {
  for (const char* spec : {"healpix:32", "latlon:90x180+half", "gaussian:F32"}) {
    const auto grid = sphere::Grid::from_spec(spec);
    const auto centres = grid.centres();
    std::vector<float> values;
    for (size_t i = 0; i < centres.lat_deg.size(); ++i)
      values.push_back(
          static_cast<float>(centres.lat_deg[i] + 1000 * std::cos((centres.lon_deg[i] - 60) * 3.14159265358979 / 180)));
    for (const char* sampling : {"nearest", "bilinear"}) {
      const auto picture = sample_map(grid, values, sampling);
      ASSERT_EQ(picture.size(), 64800u);
      const auto at = [&](int row, int column) { return picture[static_cast<size_t>(row * 360 + column)]; };
      // Row 45 lies at 44.5 N, row 134 at 44.5 S; columns 180 + 60 and 60 at 60.5 E and 119.5 W.
      EXPECT_NEAR(at(45, 240), 1044.5, 6) << spec << sampling;
      EXPECT_NEAR(at(134, 240), 955.5, 6) << spec << sampling;
      EXPECT_NEAR(at(90, 60), -1000.5, 6) << spec << sampling;
    }
  }
}

TEST(ReportMap, ErrorsAreWeightedByArea) {
  MapFields f{.channel = "t2m", .grid = sphere::Grid::from_spec("latlon:2x4+half")};
  f.truth.assign(8, 0);
  f.forecast = {1, 1, 1, 1, -3, -3, -3, -3};
  const MapError e = map_error(f);
  EXPECT_NEAR(e.bias, -1, 1e-9);
  EXPECT_NEAR(e.rmse, std::sqrt(5.0), 1e-9);
}

TEST(ReportVerdict, TablesShowAllLeadsIfFewAndWholeDaysIfMany) {
  EXPECT_EQ(table_leads({6, 12}), (std::vector<double>{6, 12}));
  std::vector<double> six_hourly, daily;
  for (int i = 1; i <= 40; ++i) six_hourly.push_back(6 * i);
  for (int i = 1; i <= 30; ++i) daily.push_back(24 * i);
  EXPECT_EQ(table_leads(six_hourly).size(), 10u);
  EXPECT_EQ(table_leads(daily).size(), 12u);
  EXPECT_EQ(table_leads(daily).back(), 720);
}

TEST(ReportVerdict, TheSmallestIsBestAndAloneThereIsNone) {
  const Curve a{"a", "K", {{6, 1.0004, NAN, NAN, 1}}}, b{"b", "K", {{6, 1.0003, NAN, NAN, 1}}},
      c{"c", "K", {{6, 2, NAN, NAN, 1}}};
  EXPECT_EQ(best_models({a, b, c}, 6, 3), (std::vector<std::string>{"a", "b"}));  // equal to the digits shown
  EXPECT_EQ(table_decimals({a, b, c}, {6}), 2);
  EXPECT_EQ(best_models({a, b, c}, 6, 4), (std::vector<std::string>{"b"}));
  EXPECT_EQ(best_models({c, a}, 6, 3), (std::vector<std::string>{"a"}));
  EXPECT_TRUE(best_models({a}, 6, 3).empty());
  EXPECT_TRUE(best_models({a, b}, 12, 3).empty());
}

}  // namespace
}  // namespace pear::forecast
