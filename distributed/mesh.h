// The ranks of a run as a grid with named axes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/config/field.h"
#include "distributed/communicator.h"

namespace pear::distributed {

/// Extent of every axis; `domain` is innermost (neighbouring ranks, one node), `data` outermost. In a configuration
/// `data: 0` stands for all ranks that the other axes leave.
struct MeshConfig {
  int64_t data = 0;
  int64_t ensemble = 1;
  int64_t domain = 1;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("data", data, {.doc = "ranks that share the samples of a step; 0: all that the other axes leave"});
    visit("ensemble", ensemble, {.doc = "ranks that share the members of an ensemble"});
    visit("domain", domain,
          {.doc = "ranks that share the windows of a sample, each with its cells and their memory; a divisor of the "
                  "windows of the coarse stages (12 for PEAR at nside 64)"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
  bool operator==(const MeshConfig&) const = default;
};

enum class MeshAxis { Data, Ensemble, Domain };

/// Where a rank stands on each axis.
struct MeshPlace {
  int64_t data = 0, ensemble = 0, domain = 0;
  bool operator==(const MeshPlace&) const = default;
};

/// The mesh with `data` filled in.
/// Errors:  ConfigError `MeshMismatch` naming every factor if the product is not the number of ranks.
MeshConfig resolve_mesh(const MeshConfig& mesh, int64_t num_ranks);

/// Of a resolved mesh. rank = (data x ensembles + ensemble) x domains + domain.
MeshPlace place_in_mesh(const MeshConfig& mesh, int64_t rank);

/// The ranks that differ from this one only in their place on `axis`, in the order of that place. Collective.
std::unique_ptr<Communicator> open_axis(Communicator& world, const MeshConfig& mesh, MeshAxis axis);

/// `data 4 x ensemble 1 x domain 1`
std::string mesh_text(const MeshConfig& mesh);

}  // namespace pear::distributed
