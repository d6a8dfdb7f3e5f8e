// All ranks begin with the same bits.
#pragma once

#include "forecast/train/data_axis.h"
#include "forecast/train/session.h"

namespace pear::forecast {

/// Compares configuration, data and normalisation of the ranks, sends weights, averages, moments and progress of rank 0
/// to everybody, and compares checksums of what arrived. Nothing for one rank.
/// Errors:  CommError `RanksDisagree`, and those of the axis.
void synchronise(Session& session, DataAxis& axis);

}  // namespace pear::forecast
