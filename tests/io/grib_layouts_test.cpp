// GRIB messages of every packing, scanning mode and grid in use, written with ecCodes: the same field must come out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/base/scratch_folder.h"
#include "tests/io/grib_builder.h"
#include "tests/io/layout_field.h"

namespace pear::io::layouts {
namespace {

struct Scan {
  bool i_negative = false, j_positive = false, j_consecutive = false, alternate = false;
  int first_col = 0;  ///< canonical column of the westernmost one
  bool has_duplicate = false;
};

void set_latlon(GribBuilder& g, int edition, const Scan& scan = {}) {
  const int cols = kCols + (scan.has_duplicate ? 1 : 0);
  const double west = 10 * scan.first_col, east = std::fmod(west + 10 * (cols - 1), scan.has_duplicate ? 720 : 360);
  g.set("gridType", "regular_ll").set("Ni", cols).set("Nj", kRows);
  g.set("iDirectionIncrementInDegrees", 10.0).set("jDirectionIncrementInDegrees", 10.0);
  g.set("latitudeOfFirstGridPointInDegrees", scan.j_positive ? -90.0 : 90.0);
  g.set("latitudeOfLastGridPointInDegrees", scan.j_positive ? 90.0 : -90.0);
  g.set("longitudeOfFirstGridPointInDegrees", scan.i_negative ? east : west);
  g.set("longitudeOfLastGridPointInDegrees", scan.i_negative ? west : east);
  g.set("iScansNegatively", scan.i_negative ? 1 : 0).set("jScansPositively", scan.j_positive ? 1 : 0);
  g.set("jPointsAreConsecutive", scan.j_consecutive ? 1 : 0);
  if (edition == 2) g.set("alternativeRowScanning", scan.alternate ? 1 : 0);
}

std::vector<double> stored_values(int time, int level, const Scan& scan = {}) {
  const int cols = kCols + (scan.has_duplicate ? 1 : 0);
  const int lines = scan.j_consecutive ? cols : kRows, points = scan.j_consecutive ? kRows : cols;
  std::vector<double> all;
  for (int line = 0; line < lines; ++line)
    for (int k = 0; k < points; ++k) {
      const int point = scan.alternate && line % 2 == 1 ? points - 1 - k : k;
      int j = scan.j_consecutive ? point : line, i = scan.j_consecutive ? line : point;
      if (scan.j_positive) j = kRows - 1 - j;
      if (scan.i_negative) i = cols - 1 - i;
      all.push_back(expected(time, level, j, (i + scan.first_col) % kCols));
    }
  return all;
}

void describe(GribBuilder& g, int level = 500) {
  g.set("dataDate", 20200101).set("dataTime", 0);
  g.set("typeOfLevel", "isobaricInhPa").set("level", level).set("paramId", 130).set("bitsPerValue", 16);
}

std::string message(int edition, int time, int level, const Scan& scan = {}) {
  GribBuilder g(edition);
  set_latlon(g, edition, scan);
  describe(g, level == 0 ? 500 : 850);
  g.values(stored_values(time, level, scan));
  return g.bytes();
}

class GribLayouts : public test::ScratchFolder {
 protected:
  std::filesystem::path file(const std::string& bytes) const { return put_bytes(folder / "a.grib", bytes); }
};

double largest_difference(const Field& f, int time, int level) {
  const auto all = expected_field(time, level);
  double worst = f.values.size() == static_cast<int64_t>(all.size()) ? 0 : INFINITY;
  for (size_t k = 0; k < all.size() && std::isfinite(worst); ++k) {
    const double d = std::abs(f.values[static_cast<int64_t>(k)] - all[k]);
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
  }
  return worst;
}

TEST_F(GribLayouts, BothEditionsGiveTheFieldOfTheOtherFormatsBitForBit) {
  for (int edition : {1, 2}) {
    const auto reader = open_fields(file(message(edition, 0, 0) + message(edition, 1, 1)));
    ASSERT_EQ(reader->fields().size(), 2u);
    EXPECT_EQ(reader->format(), edition == 1 ? "grib1" : "grib2");
    for (int k = 0; k < 2; ++k) {
      const Field f = reader->read(static_cast<size_t>(k));
      EXPECT_EQ(f.name, "t");
      EXPECT_EQ(f.level.value, k == 0 ? 500 : 850);
      EXPECT_EQ(f.grid->spec(), "latlon:19x36+poles");
      EXPECT_EQ(format_time(f.valid_time), "2020-01-01T00:00:00Z");
      EXPECT_EQ(values_of(f), expected_field(k, k));
    }
  }
}

TEST_F(GribLayouts, EveryScanningModeIsPutInCanonicalOrder) {
  for (int edition : {1, 2})
    for (int bits = 0; bits < 16; ++bits)
      for (int first_col : {0, 18}) {
        Scan scan{bool(bits & 1), bool(bits & 2), bool(bits & 4), bool(bits & 8), first_col, false};
        if (edition == 1 && scan.alternate) continue;
        SCOPED_TRACE("edition " + std::to_string(edition) + " bits " + std::to_string(bits) + " from column " +
                     std::to_string(first_col));
        const auto reader = open_fields(file(message(edition, 1, 0, scan)));
        EXPECT_EQ(reader->fields().at(0).grid->spec(), "latlon:19x36+poles");
        ASSERT_EQ(values_of(reader->read(0)), expected_field(1, 0));
      }
}

TEST_F(GribLayouts, DuplicatedMeridianIsDropped) {
  for (int edition : {1, 2}) {
    const auto reader = open_fields(file(message(edition, 0, 1, {.has_duplicate = true})));
    EXPECT_EQ(reader->fields().at(0).grid->spec(), "latlon:19x36+poles");
    EXPECT_EQ(values_of(reader->read(0)), expected_field(0, 1));
  }
}

TEST_F(GribLayouts, EveryPackingIsDecodedToItsPrecision) {
  const double step = 31.25 / 65535 * 2;  // 16 bits over the range, binary scale rounded up
  size_t done = 0;
  for (const auto& [edition, packing] :
       std::vector<std::pair<int, const char*>>{{1, "grid_simple"},
                                                {1, "grid_second_order"},
                                                {1, "grid_ieee"},
                                                {2, "grid_simple"},
                                                {2, "grid_complex"},
                                                {2, "grid_complex_spatial_differencing"},
                                                {2, "grid_ieee"},
                                                {2, "grid_ccsds"},
                                                {2, "grid_jpeg"},
                                                {2, "grid_png"},
                                                {2, "grid_second_order"}}) {
    GribBuilder g(edition);
    set_latlon(g, edition);
    describe(g);
    if (!g.pack(packing, stored_values(0, 0))) {
      std::printf("ecCodes packs no GRIB%d %s\n", edition, packing);
      continue;
    }
    EXPECT_EQ(g.text("packingType").substr(0, 9), std::string(packing).substr(0, 9));
    EXPECT_LE(largest_difference(open_fields(file(g.bytes()))->read(0), 0, 0), step) << edition << " " << packing;
    ++done;
  }
  EXPECT_GE(done, 5u);
}

TEST_F(GribLayouts, DecimalScalesAndWidthsKeepTheirPrecision) {
  for (int edition : {1, 2}) {
    for (int digits : {-1, 0, 1, 2, 3}) {
      GribBuilder g(edition);
      set_latlon(g, edition);
      describe(g);
      g.values(stored_values(0, 0)).set("changeDecimalPrecision", digits);
      EXPECT_EQ(g.text("decimalScaleFactor"), std::to_string(digits));
      const double worst = largest_difference(open_fields(file(g.bytes()))->read(0), 0, 0);
      EXPECT_LE(worst, 0.5 * std::pow(10, -digits) + 2e-5) << edition << " " << digits;
      EXPECT_GT(worst, 0) << "the scale had no effect";
    }
    for (int bits : {1, 7, 12, 16, 24, 31}) {
      GribBuilder g(edition);
      set_latlon(g, edition);
      describe(g);
      g.set("bitsPerValue", bits).values(stored_values(0, 0));
      const double worst = largest_difference(open_fields(file(g.bytes()))->read(0), 0, 0);
      EXPECT_LE(worst, 31.25 / (std::pow(2, bits) - 1) + 1e-4) << edition << " " << bits;
    }
  }
}

TEST_F(GribLayouts, ConstantFieldsAndBitmapsAreRead) {
  for (int edition : {1, 2}) {
    GribBuilder flat(edition);
    set_latlon(flat, edition);
    describe(flat);
    flat.values(std::vector<double>(kRows * kCols, 251.5));
    for (float x : values_of(open_fields(file(flat.bytes()))->read(0))) ASSERT_EQ(x, 251.5f);

    GribBuilder holes(edition);
    set_latlon(holes, edition);
    describe(holes);
    std::vector<double> values = stored_values(0, 0);
    for (size_t k = 0; k < values.size(); k += 7) values[k] = 9999;
    holes.set("missingValue", 9999.0).set("bitmapPresent", 1).values(values);
    const Field f = open_fields(file(holes.bytes()))->read(0);
    const auto all = expected_field(0, 0);
    for (size_t k = 0; k < all.size(); ++k) {
      const float x = f.values[static_cast<int64_t>(k)];
      if (k % 7 == 0)
        ASSERT_TRUE(std::isnan(x)) << k;
      else
        ASSERT_EQ(x, all[k]) << k;
    }
  }
}

TEST_F(GribLayouts, StepUnitsGiveTheValidTime) {
  struct Case {
    int unit, count;
    const char* valid;
  };
  for (const Case& c :
       {Case{0, 90, "2020-01-01T01:30:00Z"}, Case{1, 6, "2020-01-01T06:00:00Z"}, Case{2, 2, "2020-01-03T00:00:00Z"},
        Case{10, 3, "2020-01-01T09:00:00Z"}, Case{11, 5, "2020-01-02T06:00:00Z"}, Case{12, 3, "2020-01-02T12:00:00Z"}})
    for (int edition : {1, 2}) {
      GribBuilder g(edition);
      set_latlon(g, edition);
      describe(g);
      g.values(stored_values(0, 0));
      g.set(edition == 1 ? "unitOfTimeRange" : "indicatorOfUnitOfTimeRange", c.unit);
      g.set(edition == 1 ? "P1" : "forecastTime", c.count);
      const FieldInfo info = open_fields(file(g.bytes()))->fields().at(0);
      EXPECT_EQ(format_time(info.init_time), "2020-01-01T00:00:00Z");
      EXPECT_EQ(format_time(info.valid_time), c.valid) << "edition " << edition << " unit " << c.unit;
    }
}

TEST_F(GribLayouts, SurfaceFieldsHaveTheirOwnLevelHoweverTyped) {
  for (const auto& [id, type, level, name] : std::vector<std::tuple<int, const char*, int, const char*>>{
           {167, "heightAboveGround", 2, "t2m"}, {165, "heightAboveGround", 10, "u10"}}) {
    GribBuilder g(2);
    set_latlon(g, 2);
    describe(g);
    g.set("paramId", id).set("typeOfLevel", type).set("level", level);
    g.values(std::vector<double>(kRows * kCols, id == 167 ? 280 : 1));
    const Field f = open_fields(file(g.bytes()))->read(0);
    EXPECT_EQ(f.name, name);
    EXPECT_EQ(f.level.type, LevelType::HeightAboveGround);
    EXPECT_EQ(f.level.value, level);
  }
  GribBuilder g(1);  // GRIB1 of ECMWF types them as surface
  set_latlon(g, 1);
  describe(g);
  g.set("typeOfLevel", "surface").set("level", 0).set("paramId", 167);
  g.values(std::vector<double>(kRows * kCols, 280));
  const Field f = open_fields(file(g.bytes()))->read(0);
  EXPECT_EQ(f.name, "t2m");
  EXPECT_EQ(f.level.type, LevelType::HeightAboveGround);
}

TEST_F(GribLayouts, MessagesMayHoldSeveralFields) {
  const auto a = sections_of(message(2, 0, 0)), b = sections_of(message(2, 1, 1));
  const std::string head = message(2, 0, 0);
  const std::string first = a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
  for (const std::string& second :
       {b[4] + b[5] + b[6] + b[7], b[3] + b[4] + b[5] + b[6] + b[7], b[2] + b[3] + b[4] + b[5] + b[6] + b[7]}) {
    const auto reader = open_fields(file(assemble(head, first + second) + message(2, 1, 0)));
    ASSERT_EQ(reader->fields().size(), 3u);
    EXPECT_EQ(values_of(reader->read(0)), expected_field(0, 0));
    EXPECT_EQ(values_of(reader->read(1)), expected_field(1, 1));
    EXPECT_EQ(values_of(reader->read(2)), expected_field(1, 0));
    EXPECT_EQ(reader->fields()[1].level.value, 850);
  }
}

TEST_F(GribLayouts, FieldsMayShareTheBitmapOfTheOneBefore) {
  GribBuilder g(2);
  set_latlon(g, 2);
  describe(g);
  std::vector<double> values = stored_values(0, 0);
  values[11] = 9999;
  g.set("missingValue", 9999.0).set("bitmapPresent", 1).values(values);
  const auto s = sections_of(g.bytes());
  const std::string as_before("\0\0\0\6\6\xfe", 6);
  const auto reader =
      open_fields(file(assemble(g.bytes(), s[1] + s[3] + s[4] + s[5] + s[6] + s[7] + s[4] + s[5] + as_before + s[7])));
  ASSERT_EQ(reader->fields().size(), 2u);
  const Field one = reader->read(0), two = reader->read(1);
  EXPECT_TRUE(std::isnan(two.values[11]));
  for (int64_t k = 12; k < one.values.size(); ++k) ASSERT_EQ(one.values[k], two.values[k]);
}

TEST_F(GribLayouts, BytesBetweenMessagesAreSkippedAndCounted) {
  const auto reader = open_fields(file("junk" + message(1, 0, 0) + std::string(37, '\0') + message(2, 1, 0) + "tail"));
  ASSERT_EQ(reader->fields().size(), 2u);
  EXPECT_EQ(values_of(reader->read(1)), expected_field(1, 0));
  ASSERT_EQ(reader->problems().size(), 1u);
  EXPECT_NE(reader->problems()[0].find("45 bytes"), std::string::npos) << reader->problems()[0];
}

TEST_F(GribLayouts, HealpixIsReadInBothOrders) {
  for (const char* order : {"ring", "nested"}) {
    GribBuilder g(2);
    g.set("tablesVersion", 32).set("gridDefinitionTemplateNumber", 150).set("shapeOfTheEarth", 6);
    g.set("numberOfDataPoints", 768).set("numberOfValues", 768).set("Nside", 8).set("orderingConvention", order);
    g.set("longitudeOfFirstGridPointInDegrees", 45.0).set("gridPointPosition", 4);
    describe(g);
    std::vector<double> values;
    for (int k = 0; k < 768; ++k) values.push_back(packed(0, 0, k, 0) * kScale + kOffset);
    g.values(values);
    const Field f = open_fields(file(g.bytes()))->read(0);
    EXPECT_EQ(*f.grid, sphere::Grid::from_spec(std::string("healpix:8:") + order));
    for (int64_t k = 0; k < 768; ++k) ASSERT_EQ(f.values[k], static_cast<float>(values[static_cast<size_t>(k)])) << k;
  }
}

TEST_F(GribLayouts, OblateHealpixAndRotatedGridsAreRefused) {
  GribBuilder g(2);
  g.set("tablesVersion", 32).set("gridDefinitionTemplateNumber", 150).set("shapeOfTheEarth", 5);
  g.set("numberOfDataPoints", 768).set("numberOfValues", 768).set("Nside", 8).set("orderingConvention", "ring");
  g.set("longitudeOfFirstGridPointInDegrees", 45.0);
  describe(g);
  g.values(std::vector<double>(768, 250));
  std::string text;
  EXPECT_EQ(refusal(file(g.bytes()), &text), "UnsupportedGrid");
  EXPECT_NE(text.find("oblate"), std::string::npos) << text;

  GribBuilder rotated(2);
  set_latlon(rotated, 2);
  rotated.set("gridType", "rotated_ll");
  describe(rotated);
  rotated.values(stored_values(0, 0));
  EXPECT_EQ(refusal(file(rotated.bytes()), &text), "UnsupportedGrid");
  EXPECT_NE(text.find("3.1"), std::string::npos) << text;
}

}  // namespace
}  // namespace pear::io::layouts
