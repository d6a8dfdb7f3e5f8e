#include "cli/spread.h"

#include <fmt/format.h>

namespace pear::cli {

void Spread::write(nlohmann::json& out) const {
  const auto number = [&](double value) { return num_ > 0 ? nlohmann::json(value) : nlohmann::json(nullptr); };
  out["min"] = number(min_);
  out["mean"] = number(sum_ / static_cast<double>(std::max<int64_t>(num_, 1)));
  out["max"] = number(max_);
  out["missing"] = num_missing_;
}

std::string Spread::text() const {
  const std::string missing = num_missing_ > 0 ? fmt::format(", {} missing", num_missing_) : "";
  if (num_ == 0) return "no finite value" + missing;
  return fmt::format("min {:.6g} mean {:.6g} max {:.6g}{}", min_, sum_ / static_cast<double>(num_), max_, missing);
}

}  // namespace pear::cli
