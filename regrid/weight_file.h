// The file of a weight matrix: a header line in JSON, the arrays, a SHA-256 of everything before it.
#pragma once

#include <string>
#include <string_view>

#include "regrid/weights.h"

namespace pear::regrid {

inline constexpr std::string_view kWeightFormat = "pear-weights-1";

/// Bytes of the file and back. Errors: DataError `WeightsCorrupt` naming `name`.
std::string serialise(const Weights& weights);
Weights deserialise(std::string_view bytes, const std::string& name);

}  // namespace pear::regrid
