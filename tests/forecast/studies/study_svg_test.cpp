#include "forecast/studies/study_svg.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace pear::forecast {
namespace {

size_t count(const std::string& text, const std::string& word) {
  size_t n = 0;
  for (size_t i = text.find(word); i != std::string::npos; i = text.find(word, i + 1)) ++n;
  return n;
}

TEST(StudyLines, HaveOneMovePerPieceOfACurve) {
  const double gap = std::numeric_limits<double>::quiet_NaN();
  const auto svg =
      draw_lines({"a < b", "x", "y"}, {{"one", {0, 1, 2, 3, 4}, {1, 2, gap, 2, 1}}, {"two", {0, 4}, {1, 2}}});
  EXPECT_EQ(count(svg, "<path"), 2u);
  EXPECT_EQ(count(svg, "M"), 3u);  // two pieces and one
  EXPECT_EQ(count(svg, "a &lt; b"), 1u);
  EXPECT_EQ(count(svg, "nan"), 0u);
}

TEST(StudyLines, LogarithmicAxesLeaveZeroOut) {
  const auto svg = draw_lines({"t", "x", "y", true}, {{"c", {0, 1, 2}, {0, 10, 1000}}});
  EXPECT_EQ(count(svg, "inf"), 0u);
  EXPECT_EQ(count(svg, ">100<"), 1u);
}

TEST(StudyLines, ConstantAndEmptyCurvesAreDrawn) {
  EXPECT_EQ(count(draw_lines({"t", "x", "y"}, {{"c", {1}, {5}}, {"d", {}, {}}}), "nan"), 0u);
}

TEST(StudyLines, LengthsMustAgree) { EXPECT_THROW(draw_lines({"t", "x", "y"}, {{"c", {1, 2}, {5}}}), ShapeError); }

TEST(StudySection, EqualNeighboursAreOneRectangle) {
  StudySection s{.x_edges = {0, 1, 2, 3}, .y_edges = {0, 1, 2}, .values = {0, 0, 0, 0, 0, 100}, .unit = "K"};
  const auto svg = draw_section({"t", "x", "y"}, s);
  EXPECT_EQ(count(svg, "width=\"14\""), 20u);     // classes of 5 in the colour bar
  EXPECT_EQ(count(svg, "<rect"), 1u + 3u + 20u);  // ground, cells, bar
  s.values.pop_back();
  EXPECT_THROW(draw_section({"t", "x", "y"}, s), ShapeError);
}

}  // namespace
}  // namespace pear::forecast
