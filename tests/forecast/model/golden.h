// Reproducible fills of the recorded references, for networks of forecasts.
#pragma once

#include "forecast/model/network.h"
#include "forecast/model/published_names.h"
#include "tests/support/fills.h"

namespace pear::forecast::testing {

using pear::testing::analytic_tensor;
using pear::testing::fnv1a_32;
using pear::testing::hashed_tensor;

}  // namespace pear::forecast::testing
