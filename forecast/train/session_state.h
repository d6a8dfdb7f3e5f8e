// What of a session lies in a checkpoint, and how the ranks share writing and reading it.
#pragma once

#include <filesystem>
#include <optional>

#include "forecast/train/checkpoint.h"
#include "forecast/train/data_axis.h"
#include "forecast/train/session.h"

namespace pear::forecast {

/// What this rank writes. Rank 0: weights and state.json. Moments: all of a run of one rank, else the shards that this
/// rank owns, or where nobody owns any its share of the blocks. Average: likewise where it is sharded, else rank 0.
/// `copies`: tensors do not follow the session any more.
CheckpointPart part_of(const Session& session, const DataAxis& axis, bool copies);

/// Bytes of the tensors in one checkpoint.
std::uintmax_t checkpoint_bytes(const Session& session);

/// Newest checkpoint in which no rank finds a problem; the ranks share the work of looking. Collective.
/// Errors:  as newest_valid_checkpoint, on every rank.
std::optional<std::filesystem::path> agreed_checkpoint(const std::filesystem::path& directory, DataAxis& axis);

/// Moments and averages of this rank's shards alone, where the axis gives it some.
void keep_shards(Session& session, const DataAxis& axis);

/// After `keep_shards`: reads what this rank keeps of moments and average from `session.state_folder`, if set.
/// Collective. Errors:  DataError `BadCheckpoint`, `WeightMismatch`; CommError `RanksDisagree`.
void restore_state(Session& session, DataAxis& axis);

}  // namespace pear::forecast
