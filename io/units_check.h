// From the units of a file to canonical units, with the check that the values fit them.
#pragma once

#include <span>
#include <string>

#include "base/units.h"
#include "io/field.h"
#include "io/variables.h"

namespace pear::io {

/// Conversion to the canonical units of `variable`. `trust_blank`: a missing unit means the canonical one.
/// Errors:  DataError `UnitsMismatch` naming `where`, both units and what can be converted.
Conversion canonical_conversion(const VariableEntry& variable, const std::string& file_units, bool trust_blank,
                                const std::string& where);

/// Second line of defence: the mean of a global field must lie within 10 standard deviations of real analyses.
/// Shapes:  values [cells] in canonical units and order. Levels without statistics pass.
/// Errors:  DataError `UnitsSuspect`.
void check_plausible(const VariableEntry& variable, const FieldInfo& info, std::span<const float> values);

}  // namespace pear::io
