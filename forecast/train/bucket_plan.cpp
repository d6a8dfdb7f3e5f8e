#include "forecast/train/bucket_plan.h"

#include <algorithm>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr int64_t kBlock = 4096, kFewestBuckets = 4;
constexpr double kLargestBucketMb = 25, kBytesPerMb = 1e6;
constexpr double kBlockMb = kBlock * sizeof(float) / kBytesPerMb;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

std::vector<FlatRange> plan_buckets(int64_t num_values, double bucket_mb) {
  PEAR_ASSERT(num_values > 0 && num_values % kBlock == 0);
  const int64_t blocks = num_values / kBlock;
  const double largest = bucket_mb > 0 ? bucket_mb : kLargestBucketMb;
  int64_t per_bucket = std::max<int64_t>(1, static_cast<int64_t>(largest / kBlockMb));
  if (bucket_mb == 0) per_bucket = std::min(per_bucket, divide_up(blocks, kFewestBuckets));
  std::vector<FlatRange> buckets;
  for (int64_t end = blocks; end > 0; end -= per_bucket) {
    const int64_t first = std::max<int64_t>(0, end - per_bucket);
    buckets.push_back({first * kBlock, (end - first) * kBlock});
  }
  return buckets;
}

FlatRange shard_of(const std::vector<FlatRange>& buckets, size_t index, int64_t rank, int64_t num_ranks) {
  const FlatRange& bucket = buckets[index];
  const int64_t blocks = bucket.length / kBlock, place = (rank + static_cast<int64_t>(index)) % num_ranks;
  const int64_t first = place * blocks / num_ranks, last = (place + 1) * blocks / num_ranks;
  return {bucket.first + first * kBlock, (last - first) * kBlock};
}

int64_t longest_shard(const FlatRange& bucket, int64_t num_ranks) {
  return divide_up(bucket.length / kBlock, num_ranks) * kBlock;
}

std::vector<FlatRange> shards_of(const std::vector<FlatRange>& buckets, int64_t rank, int64_t num_ranks) {
  std::vector<FlatRange> shards;
  for (size_t b = 0; b < buckets.size(); ++b) shards.push_back(shard_of(buckets, b, rank, num_ranks));
  return shards;
}

}  // namespace pear::forecast
