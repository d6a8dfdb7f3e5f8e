#include "io/field.h"

#include <fmt/format.h>

namespace pear::io {

std::string to_string(const Level& level) {
  switch (level.type) {
    case LevelType::Surface:
      return "surface";
    case LevelType::HeightAboveGround:
      return fmt::format("{:g} m", level.value);
    case LevelType::MeanSea:
      return "mean sea level";
    case LevelType::Pressure:
      return fmt::format("{:g} hPa", level.value);
    case LevelType::Other:
      break;
  }
  return fmt::format("level {:g}", level.value);
}

}  // namespace pear::io
