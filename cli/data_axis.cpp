#include "cli/data_axis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "distributed/mesh.h"
#include "distributed/nccl_backend.h"
#include "forecast/train/parallel_axis.h"

namespace pear::cli {
namespace {

using distributed::Communicator;

void require_data_axis_only(const distributed::MeshConfig& mesh) {
  if (mesh.ensemble == 1 && mesh.domain == 1) return;
  throw ConfigError("AxisNotUsed", "parallel.mesh",
                    {.what = "training on mesh " + distributed::mesh_text(mesh),
                     .expected = "ensemble 1 and domain 1: pear train shares the samples of a step, nothing else",
                     .hint = "leave parallel.mesh.ensemble and parallel.mesh.domain at 1"});
}

/// `auto`: NCCL where every rank has a GPU of its own. All ranks come to the same answer.
bool wants_nccl(const std::string& backend, Communicator& world, const torch::Device& device) {
  if (backend != "auto") return backend == "nccl";
  const bool has_own_gpu = device.is_cuda() && distributed::nccl_version() != "none" &&
                           distributed::detect_launch().local_rank == device.index();
  int64_t is_missing = has_own_gpu ? 0 : 1;
  world.all_reduce(std::span(&is_missing, 1), distributed::Reduction::Max);
  return is_missing == 0;
}

void log_world(Communicator& world, const distributed::MeshConfig& mesh, const std::string& backend,
               const torch::Device& device) {
  auto devices = world.gather(device.str());
  if (!world.is_leader()) return;
  const bool all_alike = std::all_of(devices.begin(), devices.end(), [&](auto& d) { return d == devices.front(); });
  for (size_t r = 0; r < devices.size(); ++r) devices[r] = fmt::format("{} {}", r, devices[r]);
  log_info("mesh {}; gradients by {}; {}", distributed::mesh_text(mesh), backend,
           all_alike ? "every rank on " + device.str() : fmt::format("ranks on {}", fmt::join(devices, ", ")));
}

/// The axis with the communicator that it needs.
struct OwnedAxis {
  OwnedAxis(Communicator& world, std::unique_ptr<Communicator> own, const forecast::ParallelConfig& config)
      : transport(std::move(own)), axis(transport ? *transport : world, config) {}
  std::unique_ptr<Communicator> transport;  ///< null: the world's
  forecast::ParallelAxis axis;
};

}  // namespace

forecast::DeviceChoice choose_rank_device(const forecast::RunConfig& config, const Arguments& arguments) {
  return forecast::choose_device(config.run.device,
                                 arguments.communicator ? distributed::detect_launch().local_rank : 0);
}

std::shared_ptr<forecast::DataAxis> open_data_axis(const forecast::RunConfig& config, const Arguments& arguments,
                                                   const forecast::DeviceChoice& device) {
  const auto& world = arguments.communicator;
  const auto mesh = distributed::resolve_mesh(config.parallel.mesh, world ? world->size() : 1);
  require_data_axis_only(mesh);
  if (!world) return nullptr;
  if (config.run.collective_timeout_s > 0)
    world->set_timeout(std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::duration<double>(config.run.collective_timeout_s)));
  std::unique_ptr<Communicator> nccl;
  if (wants_nccl(config.parallel.backend, *world, device.device))
    nccl = distributed::open_nccl_communicator(*world, device.device.is_cuda() ? device.device.index() : -1);
  log_world(*world, mesh, nccl ? "nccl " + distributed::nccl_version() : world->backend(), device.device);
  auto owned = std::make_shared<OwnedAxis>(*world, std::move(nccl), config.parallel);
  return {owned, &owned->axis};
}

}  // namespace pear::cli
