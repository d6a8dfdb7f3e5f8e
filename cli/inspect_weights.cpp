#include <fmt/format.h>

#include "cli/inspect.h"
#include "regrid/weights.h"

namespace pear::cli {

CommandResult inspect_weights(const std::filesystem::path& path) {
  const regrid::Weights w = regrid::Weights::load(path);
  const regrid::WeightCheck check = w.check();
  CommandResult out;
  out.text = fmt::format(
      "weights {}\nsource          {}\ntarget          {}\nmethod          {}\nlinks           {}\n"
      "empty rows      {}\nrow sum error   {:.3g}\n",
      path.string(), w.source.spec(), w.target.spec(), regrid::to_string(w.method), w.num_links(), check.empty_rows,
      check.max_row_sum_error);
  out.result = {{"kind", "weights"},         {"source", w.source.spec()},
                {"target", w.target.spec()}, {"method", std::string(regrid::to_string(w.method))},
                {"links", w.num_links()},    {"check", check.json()}};
  return out;
}

}  // namespace pear::cli
