// From the `parallel` section and the processes of this run to the axis that training works on.
#pragma once

#include <memory>

#include "cli/arguments.h"
#include "forecast/config/device.h"
#include "forecast/config/run_config.h"
#include "forecast/train/data_axis.h"

namespace pear::cli {

/// Device of this process: several on one host take one GPU after the other. Errors:  as forecast::choose_device.
forecast::DeviceChoice choose_rank_device(const forecast::RunConfig& config, const Arguments& arguments);

/// Null for one process. Rank 0 says once what the mesh is, what carries gradients and who works where. Collective.
/// Errors:  ConfigError `MeshMismatch`, `AxisNotUsed` for an axis that training cannot use; those of
///          distributed::open_nccl_communicator.
std::shared_ptr<forecast::DataAxis> open_data_axis(const forecast::RunConfig& config, const Arguments& arguments,
                                                   const forecast::DeviceChoice& device);

}  // namespace pear::cli
