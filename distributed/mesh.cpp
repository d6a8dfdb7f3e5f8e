#include "distributed/mesh.h"

#include <fmt/format.h>

#include "base/error.h"

namespace pear::distributed {

void MeshConfig::validate(ConfigIssues& issues, const std::string& path) const {
  if (data < 0) issues.add(path + ".data", "must not be negative");
  if (ensemble < 1) issues.add(path + ".ensemble", "must be at least 1");
  if (domain < 1) issues.add(path + ".domain", "must be at least 1");
}

MeshConfig resolve_mesh(const MeshConfig& mesh, int64_t num_ranks) {
  MeshConfig whole = mesh;
  const int64_t others = mesh.ensemble * mesh.domain;
  if (whole.data == 0) whole.data = num_ranks % others == 0 ? num_ranks / others : 0;
  if (whole.data > 0 && whole.data * others == num_ranks) return whole;
  throw ConfigError(
      "MeshMismatch", "parallel.mesh",
      {.what = "process mesh",
       .expected = fmt::format("a product of {} ranks", num_ranks),
       .found =
           fmt::format("data {} x ensemble {} x domain {} = {}", mesh.data == 0 ? "(rest)" : std::to_string(mesh.data),
                       mesh.ensemble, mesh.domain, mesh.data == 0 ? others : mesh.data * others),
       .hint = "start that many ranks, or leave parallel.mesh.data at 0: it takes what the others leave"});
}

MeshPlace place_in_mesh(const MeshConfig& mesh, int64_t rank) {
  return {rank / (mesh.ensemble * mesh.domain), rank / mesh.domain % mesh.ensemble, rank % mesh.domain};
}

std::unique_ptr<Communicator> open_axis(Communicator& world, const MeshConfig& mesh, MeshAxis axis) {
  const MeshPlace place = place_in_mesh(mesh, world.rank());
  const auto split = [&](int64_t color, int64_t key) {
    return world.split(static_cast<int>(color), static_cast<int>(key));
  };
  switch (axis) {
    case MeshAxis::Data:
      return split(place.ensemble * mesh.domain + place.domain, place.data);
    case MeshAxis::Ensemble:
      return split(place.data * mesh.domain + place.domain, place.ensemble);
    case MeshAxis::Domain:
      return split(place.data * mesh.ensemble + place.ensemble, place.domain);
  }
  PEAR_ASSERT(false);
  return nullptr;
}

std::string mesh_text(const MeshConfig& mesh) {
  return fmt::format("data {} x ensemble {} x domain {}", mesh.data, mesh.ensemble, mesh.domain);
}

}  // namespace pear::distributed
