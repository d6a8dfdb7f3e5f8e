// Apply a weight matrix to many fields at once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "regrid/weights.h"

namespace pear::regrid {

/// When a target value is missing (NaN): if any source of it is, if all are, if the one with the largest weight is
/// (the first of equals), or if less than `valid_fraction` of the weight is valid.
enum class MissingPolicy { IfAny, IfAll, IfHeaviest, ValidFraction };

/// DestArea divides by the weight of all sources, FracArea by the weight of the valid ones.
enum class Normalisation { DestArea, FracArea };

/// `if-any`, `if-all`, `if-heaviest`, `valid-fraction`. Errors: ConfigError `UnknownPolicy`.
MissingPolicy missing_policy_from_string(std::string_view name);

struct ApplyOptions {
  std::optional<MissingPolicy> missing = {};  ///< none: a missing value is an error
  double valid_fraction = 0.5;                ///< for ValidFraction
  Normalisation normalisation = Normalisation::FracArea;
};

/// y[t] = sum_s W[t,s] x[s]; missing sources are selected away, never multiplied, so one matrix serves every mask:
/// y[t] = sum_valid W x / sum_valid W.
///
/// Source:   Taylor 2024, GMD 17:415, for the masks.
/// Shapes:   in [F, S] -> out [F, T], fields outermost; they must not overlap.
/// Units:    out has the unit of in. Targets without a source, or rejected by the policy, are NaN, never 0.
/// Errors:   ShapeError `SizeMismatch`; DataError `NonFiniteInput` (NaN without a policy; infinity always).
/// Accuracy: rows of more than 64 links are summed in double, shorter ones in float.
/// Threads:  OpenMP; bitwise the same result for any number, and for a field alone or among others.
void apply_weights(const Weights& weights, std::span<const float> in, std::span<float> out, int64_t num_fields,
                   const ApplyOptions& options = {});

/// The same in double, field by field, for checks and for data that are double.
void apply_weights(const Weights& weights, std::span<const double> in, std::span<double> out, int64_t num_fields,
                   const ApplyOptions& options = {});

}  // namespace pear::regrid
