// How the flat gradient is cut: into buckets that are exchanged one after the other, and these into one shard per rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pear::forecast {

/// Part of a flat buffer.
struct FlatRange {
  int64_t first = 0, length = 0;
  int64_t end() const { return first + length; }
  bool operator==(const FlatRange&) const = default;
};

/// Buckets from the end of the buffer to its beginning: the last parameters have their gradient first. All but the last
/// bucket have one length; borders are those of the 4,096-element blocks in which norms are summed.
///
/// `bucket_mb` = 0: four buckets, or more where one would exceed the customary 25 MB.
/// Shapes:  num_values is a multiple of 4,096; the buckets cover [0, num_values).
std::vector<FlatRange> plan_buckets(int64_t num_values, double bucket_mb);

/// The part of the bucket with this index that one rank sums (and, with optimizer sharding, updates). Begins at a block
/// border; shards differ by one block at most, and who gets the longer ones goes round from bucket to bucket.
FlatRange shard_of(const std::vector<FlatRange>& buckets, size_t index, int64_t rank, int64_t num_ranks);

/// Length of the longest shard of a bucket.
int64_t longest_shard(const FlatRange& bucket, int64_t num_ranks);

/// The shards of one rank in the order of the buckets.
std::vector<FlatRange> shards_of(const std::vector<FlatRange>& buckets, int64_t rank, int64_t num_ranks);

}  // namespace pear::forecast
