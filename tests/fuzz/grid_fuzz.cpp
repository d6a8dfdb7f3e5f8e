// Specs of grids (sphere/grid).
#include <algorithm>

#include "sphere/grid/grid.h"
#include "tests/fuzz/target.h"

namespace pear::fuzz {
namespace {

size_t longest_number(std::string_view text) {
  size_t longest = 0, run = 0;
  for (const char c : text) longest = std::max(longest, run = c >= '0' && c <= '9' ? run + 1 : 0);
  return longest;
}

}  // namespace

std::vector<std::string> seeds() {
  return {"healpix:64",
          "healpix:6:ring",
          "healpix:32:xy-south",
          "healpix:32:xy-north",
          "latlon:7x12+poles",
          "latlon:6x12+half+lon0=0.5",
          "latlon:6x12+north",
          "latlon:6x12+inner",
          "latlon:6x12+inner=80/-80",
          "latlon:12x21+area=60/-10/30/40",
          "latlon:3x2+area=60/-10/30/40+lats=60/50/30",
          "gaussian:F32",
          "gaussian:N32",
          "gaussian:O32",
          "gaussian:64x128",
          "gaussian:N2+pl=20/24",
          "gaussian:N6+pl=20x2/25x3/36"};
}

void decode(std::string_view input) {
  // Nodes of Gaussian grids cost the square of their number: thousands of rows are legal and slow.
  if (input.starts_with("gaussian") && longest_number(input) > 3) return;
  const sphere::Grid grid = sphere::Grid::from_spec(input);
  require(grid.num_cells() > 0, "a grid has cells");
  const sphere::Grid again = sphere::Grid::from_spec(grid.spec());
  require(again.num_cells() == grid.num_cells(), "a grid has as many cells as the one of its spec");
  require(!grid.is_global() || again == grid, "a global grid survives its spec");
  if (grid.num_cells() > 20000) return;
  const size_t cells = static_cast<size_t>(grid.num_cells());
  require(grid.centres().lat_deg.size() == cells && grid.areas_sr().size() == cells,
          "every cell has a place and an area");
}

}  // namespace pear::fuzz
