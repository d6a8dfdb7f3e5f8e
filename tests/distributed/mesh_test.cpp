#include "distributed/mesh.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "base/error.h"

namespace pear::distributed {
namespace {

TEST(Mesh, TheDataAxisTakesWhatTheOthersLeave) {
  EXPECT_EQ(resolve_mesh({0, 1, 1}, 4), (MeshConfig{4, 1, 1}));
  EXPECT_EQ(resolve_mesh({0, 2, 3}, 12), (MeshConfig{2, 2, 3}));
  EXPECT_EQ(resolve_mesh({2, 2, 3}, 12), (MeshConfig{2, 2, 3}));
  EXPECT_EQ(mesh_text({2, 2, 3}), "data 2 x ensemble 2 x domain 3");
}

TEST(Mesh, AnotherProductThanTheNumberOfRanksIsRefusedWithEveryFactor) {
  for (const auto& [mesh, ranks] : {std::pair<MeshConfig, int64_t>{{3, 2, 5}, 4}, {{0, 3, 5}, 4}}) {
    try {
      resolve_mesh(mesh, ranks);
      ADD_FAILURE() << "no error";
    } catch (const ConfigError& e) {
      EXPECT_EQ(e.code(), "MeshMismatch");
      for (const std::string& part :
           {"data " + (mesh.data == 0 ? std::string("(rest)") : std::to_string(mesh.data)),
            "ensemble " + std::to_string(mesh.ensemble), std::string("domain 5"), std::string("4 ranks")})
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  }
}

TEST(Mesh, DomainIsInnermostAndEveryPlaceIsTakenOnce) {
  const MeshConfig mesh{2, 3, 4};
  EXPECT_EQ(place_in_mesh(mesh, 0), (MeshPlace{0, 0, 0}));
  EXPECT_EQ(place_in_mesh(mesh, 1), (MeshPlace{0, 0, 1}));
  EXPECT_EQ(place_in_mesh(mesh, 4), (MeshPlace{0, 1, 0}));
  EXPECT_EQ(place_in_mesh(mesh, 12), (MeshPlace{1, 0, 0}));
  std::set<std::tuple<int64_t, int64_t, int64_t>> places;
  for (int64_t r = 0; r < 24; ++r) {
    const auto p = place_in_mesh(mesh, r);
    places.insert({p.data, p.ensemble, p.domain});
  }
  EXPECT_EQ(places.size(), 24u);
}

}  // namespace
}  // namespace pear::distributed
