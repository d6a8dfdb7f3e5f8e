// All ranks begin with the same bits.
#pragma once

#include <string>
#include <vector>

#include "forecast/train/data_axis.h"
#include "forecast/train/session.h"

namespace pear::forecast {

/// Compares configuration, data and normalisation of the ranks, sends weights, averages and progress of rank 0
/// to everybody, and compares checksums of what arrived. Nothing for one rank. What a
/// checkpoint holds of averages and moments follows in restore_state.
/// Errors:  CommError `RanksDisagree`, and those of the axis.
void synchronise(Session& session, DataAxis& axis);

/// SHA-256 of tensors and a text.
std::string digest_of(const std::vector<torch::Tensor>& buffers, const std::string& text = "");

}  // namespace pear::forecast
