// store.json (io/store_json). The checksum is put right, so that what lies behind it is reached.
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "io/store_format.h"
#include "tests/fuzz/target.h"

namespace pear::fuzz {
namespace {

using nlohmann::json;

io::StoreIndex example(const std::string& grid) {
  io::StoreIndex index;
  index.finalised = true;
  index.layout.grid = sphere::Grid::from_spec(grid);
  index.layout.variables = {{"msl", "Pa", {}}, {"t", "K", {850, 500}}};
  index.layout.source = "made for a test";
  index.layout.missing_times = "skip";
  index.options.tendency_lags = {hours(6)};
  const auto cells = static_cast<uint64_t>(index.layout.grid.num_cells());
  for (int i = 0; i < 3; ++i) {
    const Time t = parse_time("2018-10-06T18") + hours(6 * i);
    index.layout.times.push_back(t);
    if (i == 1)
      index.missing.emplace_back(t, "not there");
    else
      index.parts.push_back({t,
                             io::part_file_name(t),
                             24 * cells,
                             std::string(64, 'a'),
                             {{8, 4 * cells, 1}, {8 + 4 * cells, 8 * cells, 2}}});
  }
  const io::Moments m{2, 1, 1, 0, 3};
  index.moments = {{m}, {m, m}};
  index.tendencies = {{hours(6), 0, 2, {{m}, {{}, m}}}};
  return index;
}

}  // namespace

std::vector<std::string> seeds() {
  io::StoreIndex building = example("healpix:2");
  building.finalised = false;
  return {io::to_text(example("healpix:2")), io::to_text(example("latlon:3x2+area=60/-10/30/40")),
          io::to_text(building)};
}

void decode(std::string_view input) {
  std::string text(input);
  const size_t closing = text.rfind('}');
  json j = json::parse(text, nullptr, false);
  if (closing != std::string::npos && j.is_object()) {
    j.erase("checksum");
    text = text.substr(0, closing) + ",\"checksum\":\"" +
           sha256_hex(j.dump(-1, ' ', false, json::error_handler_t::replace)) + "\"}";
  }
  put("store.json", text);
  const io::StoreIndex index = io::read_store_index(scratch_folder());
  require(io::to_text(index).size() > 2, "an index that was read can be written");
}

}  // namespace pear::fuzz
