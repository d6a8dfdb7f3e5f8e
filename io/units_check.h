// From the units of a file to canonical units, with the check that the values fit them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "io/field.h"
#include "io/variables.h"

namespace pear::io {

/// Conversion to the canonical units of `variable`. `trust_blank`: a missing unit means the canonical one.
/// Errors:  DataError `UnitsMismatch` naming `where`, both units and what can be converted.
Conversion canonical_conversion(const VariableEntry& variable, const std::string& file_units, bool trust_blank,
                                const std::string& where);

/// Second line of defence: the mean of a global field must lie within 10 standard deviations of real analyses, or
/// 20 % of their mean, whichever is more; for q 2 g/kg are allowed in any case.
/// Shapes:  values [cells] in canonical units and order. Levels without statistics pass.
/// Errors:  DataError `UnitsSuspect`.
void check_plausible(const VariableEntry& variable, const FieldInfo& info, std::span<const float> values);

/// Near the ground heights in metres pass for geopotential, so z is judged by its column: the field of the same time
/// and member at 700 hPa or above whose values tell. Empty if `index` is no such field, or the file has none.
std::optional<size_t> field_that_judges(const std::vector<FieldInfo>& fields, size_t index);

}  // namespace pear::io
