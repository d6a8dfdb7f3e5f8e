#include "forecast/train/gradient_reducer.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/activation.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>

#include "base/error.h"
#include "forecast/train/ema.h"
#include "forecast/train/optimizer.h"
#include "forecast/train/parallel_axis.h"
#include "tests/support/thread_communicator.h"

namespace pear::forecast {
namespace {

using pear::testing::run_ranks;
constexpr int64_t kSlots = 8, kWidth = 96;
constexpr double kOneBlockMb = 0.017;

/// Some blocks of parameters in layers that the backward pass reaches one after the other; one is never used.
struct Layers : torch::nn::Module {
  Layers() {
    for (int i = 0; i < 4; ++i)
      layers.push_back(register_module("layer" + std::to_string(i), torch::nn::Linear(kWidth, kWidth)));
    unused = register_parameter("unused", torch::ones({5}));
  }
  torch::Tensor forward(torch::Tensor x) {
    for (auto& layer : layers) x = torch::tanh(layer->forward(x));
    return x;
  }
  std::vector<torch::nn::Linear> layers;
  torch::Tensor unused;
};

/// The network with the same weights whoever builds it.
std::shared_ptr<Layers> make_layers() {
  auto net = std::make_shared<Layers>();
  const torch::NoGradGuard no_grad;
  int64_t seed = 1;
  for (auto& p : net->parameters()) {
    const auto i = torch::arange(p.numel(), torch::kFloat64) * 0.37 + static_cast<double>(seed++);
    p.copy_((i.sin() * 0.2).view_as(p));
  }
  return net;
}

torch::Tensor sample(int64_t slot) {
  const auto i = torch::arange(3 * kWidth, torch::kFloat64) * (0.11 + 0.07 * static_cast<double>(slot));
  return (i.cos() * std::pow(10.0, static_cast<double>(slot % 3))).to(torch::kFloat32).view({3, kWidth});
}

void backward(Layers& net, int64_t slot) { net.forward(sample(slot)).square().sum().backward(); }

SlotSum leaf(const torch::Tensor& gradient, int64_t slot) {
  return {gradient.clone(), torch::full({2}, std::exp(static_cast<double>(slot)) / 3, torch::kFloat64)};
}

/// One process, slot after slot.
SlotSum alone() {
  const auto net = make_layers();
  const FlatParameters flat(*net);
  SlotTree tree;
  for (int64_t slot = 0; slot < kSlots; ++slot) {
    torch::Tensor(flat.gradient()).zero_();
    backward(*net, slot);
    tree.add(slot, leaf(flat.gradient(), slot));
  }
  return SlotTree::root(tree.subtrees(), kSlots);
}

/// The step as TrainStep makes it.
SlotSum step(Layers& net, const FlatParameters& flat, ParallelAxis& axis, int64_t num_slots = kSlots) {
  const int64_t share = num_slots / axis.size(), first = axis.rank() * share;
  SlotTree before;
  for (int64_t slot = first; slot < first + share; ++slot) {
    torch::Tensor(flat.gradient()).zero_();
    const bool is_last = slot + 1 == first + share;
    if (is_last) axis.before_last_backward(before, slot, num_slots, /*once=*/true);
    backward(net, slot);
    auto sum = leaf(flat.gradient(), slot);
    if (!is_last) {
      before.add(slot, std::move(sum));
      continue;
    }
    sum.gradient = flat.gradient();
    return axis.total(before, slot, std::move(sum), num_slots);
  }
  return {};
}

TEST(GradientReducer, TheSumHasTheBitsOfOneProcessWhateverRanksBucketsAndOverlap) {
  const SlotSum expected = alone();
  for (const int ranks : {1, 2, 4, 8})
    for (const double bucket_mb : {0.0, kOneBlockMb, 100.0})
      for (const bool overlap : {true, false})
        for (const bool sharded : {true, false})
          run_ranks(ranks, [&](distributed::Communicator& communicator) {
            ParallelConfig config;
            config.bucket_mb = bucket_mb;
            config.overlap = overlap;
            config.optimizer_sharding = sharded;
            ParallelAxis axis(communicator, config);
            const auto net = make_layers();
            const FlatParameters flat(*net);
            axis.watch(flat, net->parameters());
            for (int repeat = 0; repeat < 2; ++repeat) {
              const SlotSum sum = step(*net, flat, axis);
              EXPECT_EQ(axis.norm(flat.gradient()), blocked_norm(expected.gradient));
              axis.complete(flat.gradient());
              EXPECT_TRUE(torch::equal(flat.gradient(), expected.gradient))
                  << ranks << " ranks, bucket " << bucket_mb << ", overlap " << overlap << ", sharded " << sharded;
              EXPECT_TRUE(torch::equal(sum.terms, expected.terms));
            }
          });
}

TEST(GradientReducer, BucketsLeaveDuringTheBackwardPass) {
  run_ranks(2, [&](distributed::Communicator& communicator) {
    const auto net = make_layers();
    const FlatParameters flat(*net);
    const auto buckets = plan_buckets(flat.gradient().numel(), 0);
    ASSERT_EQ(buckets.size(), 4u);
    const auto reducer = std::make_shared<GradientReducer>(communicator, buckets, false);
    reducer->watch(flat, net->parameters());
    reducer->begin({}, communicator.rank(), 2, /*listen=*/true);
    backward(*net, communicator.rank());
    // All but the last one, at the front of the buffer: it holds the parameter that is never used.
    EXPECT_EQ(reducer->num_overlapped(), 3);
    reducer->finish();
    reducer->begin({}, communicator.rank(), 2, /*listen=*/true);
    (net->forward(sample(1)).square().sum() + net->unused.sum()).backward();
    EXPECT_EQ(reducer->num_overlapped(), 3 + 4);
    reducer->finish();
  });
}

TEST(GradientReducer, ASecondGradientAfterTheBucketLeftIsAnError) {
  run_ranks(1, [&](distributed::Communicator& communicator) {
    const auto net = make_layers();
    const FlatParameters flat(*net);
    const auto reducer =
        std::make_shared<GradientReducer>(communicator, plan_buckets(flat.gradient().numel(), 0), false);
    reducer->watch(flat, net->parameters());
    reducer->begin({}, 0, 1, /*listen=*/true);
    backward(*net, 0);
    backward(*net, 1);
    try {
      reducer->finish();
      ADD_FAILURE() << "no error";
    } catch (const CommError& e) {
      EXPECT_EQ(e.code(), "GradientTwice");
    }
  });
}

TEST(BucketPlan, BucketsAndShardsCoverTheBufferOnceAndBeginAtBlocks) {
  constexpr int64_t kBlock = FlatParameters::kBlock;
  for (const int64_t blocks : {1, 3, 10, 1045, 20000})
    for (const double mb : {0.0, 0.001, 1.0, 25.0})
      for (const int64_t ranks : {1, 2, 3, 7}) {
        const auto buckets = plan_buckets(blocks * kBlock, mb);
        if (mb == 0 && blocks >= 10) {
          EXPECT_GE(buckets.size(), 4u);
        }
        std::vector<int> covered(static_cast<size_t>(blocks), 0);
        int64_t end = blocks * kBlock;
        std::vector<int64_t> owned(static_cast<size_t>(ranks), 0);
        for (size_t i = 0; i < buckets.size(); ++i) {
          EXPECT_EQ(buckets[i].end(), end);
          end = buckets[i].first;
          for (int64_t r = 0; r < ranks; ++r) {
            const auto shard = shard_of(buckets, i, r, ranks);
            EXPECT_LE(shard.length, longest_shard(buckets[i], ranks));
            EXPECT_EQ(shard.first % kBlock, 0);
            EXPECT_EQ(shard.length % kBlock, 0);
            owned[static_cast<size_t>(r)] += shard.length / kBlock;
            for (int64_t b = shard.first / kBlock; b < shard.end() / kBlock; ++b) ++covered[static_cast<size_t>(b)];
          }
        }
        // Nobody owns more than a fair share and what one turn of all ranks may add.
        EXPECT_LE(*std::max_element(owned.begin(), owned.end()), blocks / ranks + ranks + 1) << blocks << " " << mb;
        EXPECT_EQ(end, 0);
        for (const int count : covered) EXPECT_EQ(count, 1);
      }
}

/// Weights, moments and average after some updates by one optimizer per rank, each with its shards alone.
TEST(ShardedOptimizer, ShardsAreUpdatedWithTheBitsOfTheWholeForAnyThreads) {
  TrainConfig config;
  config.weight_decay = 0.1;
  config.decay_all = false;
  config.ema.decay = 0.9;
  const int threads_before = at::get_num_threads();
  for (const std::string kind : {"adamw", "adam"})
    for (const int threads : {1, 3}) {
      at::set_num_threads(threads);
      config.optimizer = kind;
      const auto whole_net = make_layers(), shard_net = make_layers();
      const FlatParameters whole(*whole_net), part(*shard_net);
      Optimizer optimizer(config, whole);
      Ema ema(config.ema, whole);
      const int64_t ranks = 3;
      const auto buckets = plan_buckets(whole.values().numel(), 0);
      std::vector<Optimizer> optimizers;
      std::vector<Ema> averages;
      for (int64_t r = 0; r < ranks; ++r) {
        optimizers.emplace_back(config, part);
        averages.emplace_back(config.ema, part);
        optimizers.back().keep_only(shards_of(buckets, r, ranks));
        averages.back().keep_only(shards_of(buckets, r, ranks));
      }
      for (int step = 1; step <= 3; ++step) {
        const auto g = torch::sin(torch::arange(whole.values().numel()) * (0.3 * step)) * 1e-3;
        torch::Tensor(whole.gradient()).copy_(g);
        torch::Tensor(part.gradient()).copy_(g);
        optimizer.step(whole, 1e-2);
        ema.update(whole, step);
        for (int64_t r = 0; r < ranks; ++r) {
          optimizers[static_cast<size_t>(r)].step(part, 1e-2);
          averages[static_cast<size_t>(r)].update(part, step);
        }
      }
      EXPECT_TRUE(torch::equal(whole.values(), part.values())) << kind << threads;
      int64_t kept = 0;
      for (int64_t r = 0; r < ranks; ++r) {
        const auto shards = shards_of(buckets, r, ranks);
        const auto& mine = optimizers[static_cast<size_t>(r)];
        EXPECT_TRUE(torch::equal(joined(optimizer.first_moment(), shards), mine.first_moment()));
        EXPECT_TRUE(torch::equal(joined(optimizer.second_moment(), shards), mine.second_moment()));
        EXPECT_TRUE(torch::equal(joined(ema.average(), shards), averages[static_cast<size_t>(r)].average()));
        kept += mine.first_moment().numel();
      }
      EXPECT_EQ(kept, whole.values().numel());
    }
  at::set_num_threads(threads_before);
}

TEST(ShardedState, IsPutTogetherOnRankZeroOrEverywhere) {
  const auto expected = torch::arange(10 * FlatParameters::kBlock, torch::kFloat32);
  run_ranks(3, [&](distributed::Communicator& communicator) {
    const auto buckets = plan_buckets(expected.numel(), 0);
    GradientReducer reducer(communicator, buckets, true);
    const auto mine = joined(expected, shards_of(buckets, communicator.rank(), communicator.size()));
    EXPECT_TRUE(torch::equal(reducer.gather(mine, /*everywhere=*/true), expected));
    const auto at_zero = reducer.gather(mine, /*everywhere=*/false);
    EXPECT_EQ(at_zero.defined(), communicator.is_leader());
    if (at_zero.defined()) {
      EXPECT_TRUE(torch::equal(at_zero, expected));
    }
  });
}

}  // namespace
}  // namespace pear::forecast
