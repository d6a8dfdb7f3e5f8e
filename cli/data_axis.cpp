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

void require_usable(const distributed::MeshConfig& mesh, const std::string& backend, const torch::Device& device) {
  const std::string what = "training on mesh " + distributed::mesh_text(mesh);
  if (mesh.ensemble > 1)
    throw ConfigError(
        "AxisNotUsed", "parallel.mesh",
        {.what = what,
         .expected = "ensemble 1: pear train shares the samples of a step and their windows, nothing else",
         .hint = "leave parallel.mesh.ensemble at 1"});
  if (mesh.domain > 1 && (!device.is_cpu() || backend == "nccl"))
    throw ConfigError("AxisNotUsed", "parallel.mesh",
                      {.what = what,
                       .expected = "run.device: cpu and parallel.backend: mpi or auto where a sample is shared",
                       .found = "device " + device.str() + ", parallel.backend: " + backend,
                       .hint = "leave parallel.mesh.domain at 1 on GPUs"});
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

/// The axis with the communicators that it needs.
struct OwnedAxis {
  OwnedAxis(Communicator& world, std::unique_ptr<Communicator> own, std::unique_ptr<Communicator> of_sample,
            const forecast::ParallelConfig& config)
      : transport(std::move(own)),
        parts(std::move(of_sample)),
        axis(transport ? *transport : world, config, parts.get()) {}
  std::unique_ptr<Communicator> transport;  ///< null: the world's
  std::unique_ptr<Communicator> parts;      ///< null: ranks hold whole samples
  forecast::ParallelAxis axis;
};

/// All ranks, those of part 0 first: sums over slots then follow one tree for every number of data ranks.
std::unique_ptr<Communicator> ordered_by_part(Communicator& world, const distributed::MeshConfig& mesh) {
  const auto place = distributed::place_in_mesh(mesh, world.rank());
  return world.split(0, static_cast<int>(place.domain * mesh.data + place.data));
}

}  // namespace

forecast::DeviceChoice choose_rank_device(const forecast::RunConfig& config, const Arguments& arguments) {
  return forecast::choose_device(config.run.device,
                                 arguments.communicator ? distributed::detect_launch().local_rank : 0);
}

std::shared_ptr<forecast::DataAxis> open_data_axis(const forecast::RunConfig& config, const Arguments& arguments,
                                                   const forecast::DeviceChoice& device) {
  const auto& world = arguments.communicator;
  const auto mesh = distributed::resolve_mesh(config.parallel.mesh, world ? world->size() : 1);
  require_usable(mesh, config.parallel.backend, device.device);
  if (!world) return nullptr;
  if (config.run.collective_timeout_s > 0)
    world->set_timeout(std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::duration<double>(config.run.collective_timeout_s)));
  std::unique_ptr<Communicator> nccl, ordered, parts;
  if (mesh.domain > 1) {
    ordered = ordered_by_part(*world, mesh);
    parts = distributed::open_axis(*world, mesh, distributed::MeshAxis::Domain);
  } else if (wants_nccl(config.parallel.backend, *world, device.device)) {
    nccl = distributed::open_nccl_communicator(*world, device.device.is_cuda() ? device.device.index() : -1);
  }
  log_world(*world, mesh, nccl ? "nccl " + distributed::nccl_version() : world->backend(), device.device);
  auto owned = std::make_shared<OwnedAxis>(*world, std::move(nccl ? nccl : ordered), std::move(parts), config.parallel);
  return {owned, &owned->axis};
}

}  // namespace pear::cli
