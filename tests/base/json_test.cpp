#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

namespace pear {
namespace {

TEST(Json, DeepNestingIsNoJson) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); };
  EXPECT_FALSE(parse_json(nested(60)).is_discarded());
  EXPECT_TRUE(parse_json(nested(70)).is_discarded());
  EXPECT_TRUE(parse_json(nested(1000000)).is_discarded());
  EXPECT_TRUE(parse_json(std::string(1000000, '[')).is_discarded());
}

TEST(Json, TextThatIsNotJsonIsDiscarded) {
  EXPECT_EQ(parse_json(R"({"a": [1, {"b": null}]})")["a"][0], 1);
  for (const char* text : {"", "{", "{\"a\":}", "[1] 2", "\"\xff\""})
    EXPECT_TRUE(parse_json(text).is_discarded()) << text;
}

}  // namespace
}  // namespace pear
