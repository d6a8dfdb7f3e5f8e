// Dropout by a computed mask: its statistics, its loops against its definition, its place in the stream of draws.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "sphere/attention/attention_body.h"
#include "sphere/attention/dropout_cpu.h"
#include "sphere/attention/fused_dropout.h"

namespace pear::sphere {
namespace {

constexpr double kProbability = 0.1;
constexpr int64_t kRows = 1000, kColumns = 1000;
constexpr double kFiveSigma = 5.0 / 1000;  ///< of a mean of kRows kColumns values of unit variance

/// 1 where a value is dropped, else 0, minus the probability, over the standard deviation.
std::vector<double> normalised(const DropoutMask& mask) {
  std::vector<double> values;
  const double deviation = std::sqrt(kProbability * (1 - kProbability));
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t c = 0; c < kColumns; ++c)
      values.push_back(((mask.at(r, c) == 0 ? 1.0 : 0.0) - kProbability) / deviation);
  return values;
}

double correlation(const std::vector<double>& a, const std::vector<double>& b, int64_t lag) {
  const auto end = a.end() - lag;
  return std::inner_product(a.begin(), end, b.begin() + lag, 0.0) / static_cast<double>(kRows * kColumns);
}

TEST(DropoutMask, DropsTheShareAskedForAndKeepsTheMean) {
  for (const uint64_t seed : {0ULL, 1ULL, 0xffffffffffffffffULL}) {
    const auto mask = DropoutMask::of(kProbability, seed);
    const auto values = normalised(mask);
    EXPECT_LT(std::abs(std::accumulate(values.begin(), values.end(), 0.0)) / (kRows * kColumns), kFiveSigma) << seed;
    EXPECT_NEAR(mask.factor, 1 / (1 - kProbability), 1e-6);
  }
}

TEST(DropoutMask, NeighboursRowsAndSeedsAreUnrelated) {
  const auto values = normalised(DropoutMask::of(kProbability, 3)),
             others = normalised(DropoutMask::of(kProbability, 4));
  for (const int64_t lag : {1L, 2L, 3L, 4L, 8L, 16L, 64L, kColumns, 2 * kColumns, kColumns + 1})
    EXPECT_LT(std::abs(correlation(values, values, lag)), kFiveSigma) << lag;
  for (const int64_t lag : {0L, 1L, kColumns}) EXPECT_LT(std::abs(correlation(values, others, lag)), kFiveSigma) << lag;
}

/// Sums over blocks of columns have the variance of independent draws: 1 up to 5 sigma (sqrt(2 / blocks)).
TEST(DropoutMask, SumsOverBlocksSpreadLikeIndependentDraws) {
  const auto values = normalised(DropoutMask::of(kProbability, 5));
  for (const size_t block : {4UL, 20UL, 100UL, 1000UL}) {
    double squares = 0;
    const size_t blocks = values.size() / block;
    for (size_t b = 0; b < blocks; ++b) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(b * block);
      const double sum = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(block), 0.0);
      squares += sum * sum / static_cast<double>(block);
    }
    const double count = static_cast<double>(blocks);
    EXPECT_NEAR(squares / count, 1, 5 * std::sqrt(2 / count) + 5e-3) << block;
  }
}

TEST(DropoutMask, NothingIsDroppedWithProbabilityZero) {
  EXPECT_FALSE(DropoutMask{}.drops());
  EXPECT_EQ(DropoutMask{}.at(3, 4), 1.0F);
  EXPECT_FALSE(DropoutMask::of(0, 9).drops());
}

TEST(DropRows, FollowsTheMaskInBothTypes) {
  const auto mask = DropoutMask::of(0.4, 77);
  constexpr int64_t kWidth = 37, kFirst = 12;
  std::vector<float> x(2 * kWidth), y(2 * kWidth);
  std::vector<Bfloat16> half(2 * kWidth), half_result(2 * kWidth);
  for (size_t i = 0; i < x.size(); ++i) {
    assign(half[i], 1.0F + 0.01F * static_cast<float>(i));
    x[i] = to_float(half[i]);
  }
  drop_rows({x.data(), y.data(), 2, kWidth, kFirst}, mask);
  drop_rows({half.data(), half_result.data(), 2, kWidth, kFirst}, mask);
  for (int64_t i = 0; i < 2 * kWidth; ++i) {
    const auto at = static_cast<size_t>(i);
    const float expected = x[at] * mask.at(kFirst + i / kWidth, i % kWidth);
    Bfloat16 rounded{};
    assign(rounded, expected);
    EXPECT_EQ(y[at], expected) << i;
    EXPECT_EQ(half_result[at].bits, rounded.bits) << i;
  }
}

TEST(FusedDropout, DropsTheSameValuesForwardAndBackwardOnAnyNumberOfThreads) {
  const int before = at::get_num_threads();
  std::vector<torch::Tensor> results;
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    torch::manual_seed(4);
    auto x = (torch::rand({5000, 48}) + 1).requires_grad_();
    const auto y = fused_dropout(x, 0.25);
    y.backward(torch::full_like(y, 3));
    EXPECT_TRUE((x.grad() == 0).equal(y == 0));
    EXPECT_NEAR((y == 0).to(torch::kFloat32).mean().item<double>(), 0.25, 5 * std::sqrt(0.25 * 0.75 / 240000));
    EXPECT_NEAR(x.grad().max().item<double>(), 4, 1e-6);
    results.push_back(y.detach());
  }
  at::set_num_threads(before);
  EXPECT_TRUE(results[0].equal(results[1]));
}

TEST(FusedDropout, EveryCallDrawsAnotherMaskAndTheSeedFixesThem) {
  const auto x = torch::ones({40, 16});
  const auto draw = [&] {
    torch::manual_seed(12);
    const auto first = fused_dropout(x, 0.5);
    return std::vector<torch::Tensor>{first, fused_dropout(x, 0.5)};
  };
  const auto one = draw(), two = draw();
  EXPECT_FALSE(one[0].equal(one[1]));
  EXPECT_TRUE(one[0].equal(two[0]));
  EXPECT_TRUE(one[1].equal(two[1]));
}

}  // namespace
}  // namespace pear::sphere
