#include "forecast/verify/definition.h"

#include <gtest/gtest.h>

namespace pear::forecast {
namespace {

TEST(Definition, IdIsTheHashOfTheCanonicalJson) {
  // echo -n '{"a":1,"b":"x"}' | sha256sum
  const nlohmann::json record{{"b", "x"}, {"a", 1}};
  EXPECT_EQ(definition_id(record), "ecf9e98ec0641e23");
}

TEST(Definition, IdDoesNotDependOnTheOrderOfFields) {
  nlohmann::json one, two;
  one["metric"] = "rmse";
  one["region"]["name"] = "nh";
  one["region"]["sha256"] = "";
  two["region"]["sha256"] = "";
  two["region"]["name"] = "nh";
  two["metric"] = "rmse";
  EXPECT_EQ(definition_id(one), definition_id(two));
  two["region"]["name"] = "sh";
  EXPECT_NE(definition_id(one), definition_id(two));
}

TEST(Definition, DifferencesNameTheFields) {
  const nlohmann::json left{{"weights", "area_wb2"}, {"init_times", {{"count", 728}}}, {"grid", "g"}};
  const nlohmann::json right{{"weights", "coslat"}, {"init_times", {{"count", 730}}}, {"grid", "g"}};
  const auto lines = definition_differences(left, right);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "init_times.count  728 | 730");
  EXPECT_EQ(lines[1], "weights  \"area_wb2\" | \"coslat\"");
}

}  // namespace
}  // namespace pear::forecast
