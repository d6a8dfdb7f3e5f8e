#include "forecast/state/state.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace pear::forecast {
namespace {

StateLayout layout(std::vector<std::string> surface, std::vector<std::string> upper) {
  return {sphere::Grid::from_spec("healpix:1"), std::move(surface), std::move(upper), {1000, 92.5, 500}};
}

TEST(StateLayout, NamesChannelsSurfaceFirstThenLevelsOfEveryVariable) {
  const auto l = layout({"msl", "t2m"}, {"z", "q"});
  EXPECT_EQ(l.channel_names(),
            (std::vector<std::string>{"msl", "t2m", "z1000", "z92.5", "z500", "q1000", "q92.5", "q500"}));
  EXPECT_EQ(l.num_channels(), 8);
  EXPECT_EQ(layout({"msl"}, {}).num_channels(), 1);
  EXPECT_EQ(layout({}, {"z"}).num_channels(), 3);
}

TEST(State, ChannelsAreInTheOrderOfTheNames) {
  State x{torch::rand({2, 2, 12}), torch::rand({2, 2, 3, 12})};
  const auto c = x.channels();
  ASSERT_EQ(c.sizes(), (torch::IntArrayRef{2, 8, 12}));
  EXPECT_TRUE(c.select(1, 1).equal(x.surface.select(1, 1)));             // t2m
  EXPECT_TRUE(c.select(1, 3).equal(x.upper.select(1, 0).select(1, 1)));  // z92.5
  EXPECT_TRUE(c.select(1, 5).equal(x.upper.select(1, 1).select(1, 0)));  // q1000
}

TEST(State, ChannelsAndBackRestoreEveryTensor) {
  const State full{torch::rand({2, 2, 12}), torch::rand({2, 2, 3, 12})};
  const auto both = State::from_channels(full.channels(), layout({"msl", "t2m"}, {"z", "q"}));
  EXPECT_TRUE(both.surface.equal(full.surface));
  EXPECT_TRUE(both.upper.equal(full.upper));
  const State only_surface{full.surface, {}}, only_upper{{}, full.upper};
  const auto s = State::from_channels(only_surface.channels(), layout({"msl", "t2m"}, {}));
  EXPECT_TRUE(s.surface.equal(full.surface));
  EXPECT_FALSE(s.upper.defined());
  const auto u = State::from_channels(only_upper.channels(), layout({}, {"z", "q"}));
  EXPECT_TRUE(u.upper.equal(full.upper));
  EXPECT_FALSE(u.surface.defined());
}

TEST(State, RefusesAnotherNumberOfChannels) {
  const auto l = layout({"msl"}, {"z"});
  EXPECT_THROW(State::from_channels(torch::zeros({1, 5, 12}), l), ShapeError);
  EXPECT_THROW(State::from_channels(torch::zeros({4, 12}), l), ShapeError);
  EXPECT_THROW(State().channels(), std::logic_error);
}

TEST(State, MovesOnlyWhatIsThere) {
  const auto moved = State{torch::ones({1, 1, 12}), {}}.to(torch::kCPU);
  EXPECT_TRUE(moved.surface.defined());
  EXPECT_FALSE(moved.upper.defined());
}

}  // namespace
}  // namespace pear::forecast
