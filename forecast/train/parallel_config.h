// The `parallel` section: how the ranks of a run share its work.
#pragma once

#include <cstdint>
#include <string>

#include "base/config/field.h"
#include "distributed/mesh.h"

namespace pear::forecast {

/// Section `parallel`. Nothing here changes what is computed (mesh.domain changes the order of sums): a run may be
/// resumed with other values.
struct ParallelConfig {
  distributed::MeshConfig mesh;
  std::string backend = "auto";
  bool overlap = true;
  double bucket_mb = 0;
  bool optimizer_sharding = false;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("mesh", mesh, {.doc = "ranks by axis; their product is the number of processes"});
    visit("backend", backend,
          {.doc = "what carries gradients: mpi through the host, nccl between GPUs; auto: nccl where every rank has a "
                  "GPU of its own, else mpi",
           .choices = {"auto", "mpi", "nccl"}});
    visit("overlap", overlap, {.doc = "exchange gradients while the backward pass of the last micro-batch runs"});
    visit("bucket_mb", bucket_mb,
          {.doc = "part of the gradient that is exchanged at once; 0: at least four parts, none above 25 MB",
           .unit = "MB"});
    visit("optimizer_sharding", optimizer_sharding,
          {.doc = "every rank keeps and updates only its share of moments and averaged weights (ZeRO-1): less memory, "
                  "the same bits"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
