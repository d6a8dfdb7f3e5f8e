// Which variables are the two components of one vector field: their directions turn with the meridians.
#pragma once

#include <array>
#include <string_view>

namespace pear::io {

struct VectorPair {
  std::string_view east, north;  ///< canonical names of the components
  std::string_view name;         ///< of the vector
};
inline constexpr std::array<VectorPair, 3> kVectorPairs{
    {{"u", "v", "wind"}, {"u10", "v10", "wind10"}, {"u100", "v100", "wind100"}}};

/// The other component of a vector; empty for scalars.
constexpr std::string_view vector_partner(std::string_view name) {
  for (const auto& pair : kVectorPairs) {
    if (name == pair.east) return pair.north;
    if (name == pair.north) return pair.east;
  }
  return {};
}

/// True for the eastward components.
constexpr bool is_eastward(std::string_view name) {
  for (const auto& pair : kVectorPairs)
    if (name == pair.east) return true;
  return false;
}

}  // namespace pear::io
