// One program for any number of ranks: alone by CTest's discovery, and under mpirun (CMakeLists.txt). Every rank runs
// every test; a failure on one fails all.
#include "distributed/communicator.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"
#include "distributed/mesh.h"

namespace pear::distributed {
namespace {

using std::chrono::milliseconds;

Communicator* world = nullptr;  // MPI starts once in a program

TEST(Communicator, RanksAreThoseOfTheLauncher) {
  const Launch launch = detect_launch();
  EXPECT_EQ(world->rank(), launch.rank);
  EXPECT_EQ(world->size(), launch.size);
  EXPECT_EQ(world->backend(), launch.size == 1 ? "single" : "mpi");
}

TEST(Communicator, BroadcastBringsTheBytesOfRankZero) {
  std::vector<int32_t> values(1000, world->rank() + 7);
  world->broadcast(std::as_writable_bytes(std::span(values)));
  EXPECT_EQ(values, std::vector<int32_t>(1000, 7));
  world->broadcast({});
}

TEST(Communicator, AllReduceAddsOrTakesTheLargest) {
  const int n = world->size();
  std::vector<double> sums{1.0, static_cast<double>(world->rank())};
  world->all_reduce(std::span(sums), Reduction::Sum);
  EXPECT_EQ(sums, (std::vector<double>{1.0 * n, n * (n - 1) / 2.0}));
  std::vector<int64_t> largest{world->rank(), -world->rank()};
  world->all_reduce(std::span(largest), Reduction::Max);
  EXPECT_EQ(largest, (std::vector<int64_t>{n - 1, 0}));
}

TEST(Communicator, GatherBringsTextsOfDifferentLengthToRankZero) {
  const auto texts = world->gather(std::string(static_cast<size_t>(world->rank()), 'x'));
  if (!world->is_leader()) {
    EXPECT_TRUE(texts.empty());
    return;
  }
  ASSERT_EQ(texts.size(), static_cast<size_t>(world->size()));
  for (size_t r = 0; r < texts.size(); ++r) EXPECT_EQ(texts[r], std::string(r, 'x'));
}

TEST(Communicator, AllToAllDeliversPartsOfUnequalLength) {
  // Rank r sends to d the d + 1 values 100 r + d.
  const int n = world->size();
  std::vector<float> values, expected;
  std::vector<int64_t> sent, received;
  for (int d = 0; d < n; ++d) {
    values.insert(values.end(), static_cast<size_t>(d + 1), static_cast<float>(100 * world->rank() + d));
    sent.push_back(d + 1);
    received.push_back(world->rank() + 1);
    expected.insert(expected.end(), static_cast<size_t>(world->rank() + 1),
                    static_cast<float>(100 * d + world->rank()));
  }
  EXPECT_EQ(world->all_to_all(values, sent, received), expected);
}

TEST(Communicator, AllGatherConcatenatesInRankOrder) {
  const std::vector<float> mine(3, static_cast<float>(world->rank()));
  std::vector<float> expected;
  for (int r = 0; r < world->size(); ++r) expected.insert(expected.end(), 3, static_cast<float>(r));
  EXPECT_EQ(world->all_gather(mine), expected);
}

TEST(Communicator, TransfersUnderWayEndInAnyOrderOfAsking) {
  const int n = world->size();
  constexpr size_t kLength = 100000;
  std::vector<std::vector<float>> sent, received;
  std::vector<std::unique_ptr<Work>> works;
  const std::vector<int64_t> counts(static_cast<size_t>(n), static_cast<int64_t>(kLength));
  const auto apart = world->split(0, world->rank());
  std::vector<float> mine(kLength, static_cast<float>(world->rank())), all(kLength * static_cast<size_t>(n));
  for (int i = 0; i < 3; ++i) {
    sent.emplace_back(kLength * static_cast<size_t>(n), static_cast<float>(10 * i + world->rank()));
    received.emplace_back(sent.back().size());
    works.push_back(world->start_all_to_all(sent.back(), counts, counts, received.back()));
    if (i == 1) works.push_back(apart->start_all_gather(mine, all));
  }
  for (auto& work : works) work->is_done();
  for (size_t i = works.size(); i-- > 0;) works[i]->wait();
  for (auto& work : works) EXPECT_TRUE(work->is_done());
  for (int i = 0; i < 3; ++i)
    for (int r = 0; r < n; ++r)
      EXPECT_EQ(received[static_cast<size_t>(i)][kLength * static_cast<size_t>(r) + 7], static_cast<float>(10 * i + r));
  for (int r = 0; r < n; ++r) EXPECT_EQ(all[kLength * static_cast<size_t>(r)], static_cast<float>(r));
}

TEST(Communicator, SplitMakesOneOfEachColourInTheOrderOfTheKeys) {
  const int n = world->size(), color = world->rank() % 2;
  const auto part = world->split(color, -world->rank());
  EXPECT_EQ(part->size(), (n + 1 - color) / 2);
  std::vector<float> expected;
  for (int r = n - 1; r >= 0; --r)
    if (r % 2 == color) expected.push_back(static_cast<float>(r));
  const std::vector<float> mine{static_cast<float>(world->rank())};
  EXPECT_EQ(part->all_gather(mine), expected);
  EXPECT_EQ(part->timeout(), world->timeout());
}

TEST(Communicator, TheDataAxisOfAMeshHoldsTheRanksWithTheSamePlaceElsewhere) {
  if (world->size() != 4) GTEST_SKIP() << "needs four ranks";
  const auto mesh = resolve_mesh({0, 1, 2}, 4);
  const auto data = open_axis(*world, mesh, MeshAxis::Data), domain = open_axis(*world, mesh, MeshAxis::Domain);
  const int r = world->rank();
  const std::vector<float> mine{static_cast<float>(r)};
  EXPECT_EQ(data->all_gather(mine), (std::vector<float>{static_cast<float>(r % 2), static_cast<float>(r % 2 + 2)}));
  EXPECT_EQ(domain->all_gather(mine),
            (std::vector<float>{static_cast<float>(r / 2 * 2), static_cast<float>(r / 2 * 2 + 1)}));
}

TEST(Communicator, TheWorldIsDescribedOnRankZero) {
  const Launch launch = detect_launch();
  const auto text = describe_world(*world, launch);
  EXPECT_EQ(text.empty(), !world->is_leader());
  if (world->is_leader()) {
    EXPECT_TRUE(text.starts_with(std::to_string(world->size()) + " processes on 1 host")) << text;
  }
  EXPECT_TRUE(rank_label(launch).starts_with("[rank " + std::to_string(world->rank()) + "/"));
}

TEST(Communicator, AMissingRankEndsTheWaitWithAClearError) {
  if (world->size() == 1) GTEST_SKIP() << "needs several ranks";
  const auto before = world->timeout();
  if (world->is_leader()) {
    // The last collective of this program: the leader gives up before the others come.
    world->set_timeout(milliseconds(200));
    try {
      world->barrier();
      ADD_FAILURE() << "no error";
    } catch (const CommError& e) {
      EXPECT_EQ(e.code(), "TimedOut");
      EXPECT_NE(std::string(e.what()).find("0.2"), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("no answer from rank 1 ("), std::string::npos) << e.what();
    }
    world->set_timeout(before);
  }
  EXPECT_EQ(world->meets_all(std::chrono::minutes(1)), true);
}

}  // namespace
}  // namespace pear::distributed

int main(int argc, char** argv) {
  using namespace pear::distributed;
  ::testing::InitGoogleTest(&argc, argv);
  const Launch launch = detect_launch();
  const auto communicator = open_communicator(launch);
  world = communicator.get();
  auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
  if (!world->is_leader()) delete listeners.Release(listeners.default_result_printer());
  const int failed = RUN_ALL_TESTS();
  if (failed != 0) world->abort(failed);
  return failed;
}
