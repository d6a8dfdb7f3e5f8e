// store.json as JSON values.
#pragma once

#include <nlohmann/json.hpp>

#include "io/store_format.h"

namespace pear::io {

nlohmann::json layout_json(const StoreLayout& layout);
/// Errors: nlohmann::json exceptions and pear::Error for anything unexpected; callers turn them into StoreMismatch.
StoreLayout layout_from_json(const nlohmann::json& j);

}  // namespace pear::io
