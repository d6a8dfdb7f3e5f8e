#include "base/error.h"

#include <gtest/gtest.h>

#include "base/array.h"

namespace pear {
namespace {

TEST(Error, MessageHasWhereWhatExpectedFoundAndHint) {
  const ShapeError e("SizeMismatch", "regrid.apply",
                     {.what = "field", .expected = "49152 values", .found = "12288", .hint = "regrid the input"});
  EXPECT_STREQ(e.what(), "[regrid.apply] field: expected 49152 values, found 12288. Hint: regrid the input.");
  EXPECT_EQ(e.kind(), "ShapeError");
  EXPECT_EQ(e.code(), "SizeMismatch");
}

TEST(Error, SentencesEndOnce) {
  EXPECT_STREQ(DataError("X", "a", {.what = "b."}).what(), "[a] b.");
  EXPECT_STREQ(DataError("X", "a", {.what = "Really?"}).what(), "[a] Really?");
  EXPECT_STREQ(DataError("X", "a", {.what = "b", .found = "c"}).what(), "[a] b: found c.");
}

TEST(Error, OnlyConfigurationGivesExitCodeTwo) {
  EXPECT_EQ(ConfigError("X", "a", {.what = "b"}).exit_code(), 2);
  EXPECT_EQ(DataError("X", "a", {.what = "b"}).exit_code(), 1);
  EXPECT_EQ(CommError("X", "a", {.what = "b"}).exit_code(), 1);
  EXPECT_EQ(DeviceError("X", "a", {.what = "b"}).exit_code(), 1);
}

TEST(Assertion, OurOwnMistakeIsALogicError) { EXPECT_THROW(PEAR_ASSERT(1 + 1 == 3), std::logic_error); }

TEST(Array, IsAlignedAndKeepsItsValuesWhenMoved) {
  Array<float> a({2, 3}, 1.5f);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % 64, 0u);
  a[5] = 7;
  const Array<float> b = a.clone();
  const Array<float> c = std::move(a);
  EXPECT_EQ(b[5], 7);
  EXPECT_EQ(c[5], 7);
  EXPECT_EQ(c.dim(1), 3);
}

TEST(Array, ReshapeMayNotChangeTheNumberOfElements) {
  Array<float> a({2, 3});
  EXPECT_NO_THROW(a.reshape({6}));
  EXPECT_THROW(a.reshape({7}), ShapeError);
  EXPECT_THROW(Array<float>({-1}), ShapeError);
}

}  // namespace
}  // namespace pear
