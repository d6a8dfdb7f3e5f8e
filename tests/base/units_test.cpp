#include "base/units.h"

#include <gtest/gtest.h>

namespace pear {
namespace {

TEST(Units, SpellingsOfOneUnitAreOne) {
  for (const char* text :
       {"m**2 s**-2", "m2 s-2", "m^2/s^2", "m^2 s^-2", "m2/s2", " m**2  s**-2 ", "s-2 m2", "m2.s-2", "m+2 s-2"})
    EXPECT_EQ(normalise_units(text), "m2 s-2") << text;
  for (const char* text : {"kg kg**-1", "kg/kg", "kg kg-1"}) EXPECT_EQ(normalise_units(text), "kg kg-1") << text;
  for (const char* text : {"mb", "mbar", "millibars", "Millibar", "hPa"})
    EXPECT_EQ(normalise_units(text), "hPa") << text;
  for (const char* text : {"degC", "Celsius", "deg C", "C", "degrees C", "degree_Celsius"})
    EXPECT_EQ(normalise_units(text), "degC") << text;
  for (const char* text : {"(0 - 1)", "1", "~", "fraction"}) EXPECT_EQ(normalise_units(text), "1") << text;
  EXPECT_EQ(normalise_units("m s**-1"), "m s-1");
  EXPECT_EQ(normalise_units("W m**-2"), "W m-2");
  EXPECT_EQ(normalise_units("Kelvin"), "K");
  EXPECT_EQ(normalise_units(""), "");
  EXPECT_EQ(normalise_units("furlong fortnight**-1"), "furlong fortnight-1");
}

struct Case {
  const char *from, *to;
  double scale, offset;
};

// Factors of the International System; standard gravity of CGPM 1901; 0 degC = 273.15 K.
TEST(Units, EveryConversionOfTheDesignPage) {
  for (const Case& c :
       {Case{"hPa", "Pa", 100, 0}, Case{"mb", "Pa", 100, 0}, Case{"millibars", "Pa", 100, 0},
        Case{"degC", "K", 1, 273.15}, Case{"g/kg", "kg kg-1", 1e-3, 0}, Case{"g kg**-1", "kg/kg", 1e-3, 0},
        Case{"gpm", "m2 s-2", 9.80665, 0}, Case{"m", "m2 s-2", 9.80665, 0}, Case{"%", "1", 0.01, 0},
        Case{"percent", "1", 0.01, 0}, Case{"K", "degC", 1, -273.15}, Case{"J kg**-1", "m2 s-2", 1, 0},
        Case{"m s**-1", "m s-1", 1, 0}, Case{"K", "K", 1, 0}}) {
    const auto found = conversion(c.from, c.to);
    ASSERT_TRUE(found) << c.from << " -> " << c.to;
    EXPECT_DOUBLE_EQ(found->scale, c.scale) << c.from;
    EXPECT_DOUBLE_EQ(found->offset, c.offset) << c.from;
  }
}

TEST(Units, WhatDoesNotAgreeIsNotConverted) {
  for (const auto& [from, to] : {std::pair{"K", "Pa"},
                                 {"%", "kg kg-1"},
                                 {"kg kg-1", "1"},
                                 {"", "K"},
                                 {"", "1"},
                                 {"m2 s-2", "m"},
                                 {"furlong", "m"},
                                 {"degC m-1", "Pa"}})
    EXPECT_FALSE(conversion(from, to)) << from << " -> " << to;
}

TEST(Units, AGradientOfCelsiusHasNoOffset) {
  const auto found = conversion("degC m-1", "K m-1");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->offset, 0);
}

}  // namespace
}  // namespace pear
