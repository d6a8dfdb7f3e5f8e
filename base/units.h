// Units as written in files: one spelling, and affine conversion where the dimension agrees.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pear {

/// `m**2 s**-2`, `m^2/s^2` -> `m2 s-2`; `kg kg**-1`, `kg/kg` -> `kg kg-1`; `Celsius` -> `degC`; `mb`, `millibars` ->
/// `hPa`; `(0 - 1)`, `~` -> `1`. Factors with positive exponents come first. Unknown words are kept.
/// Numerators and order apart, nothing is simplified: a ratio keeps its form.
std::string normalise_units(std::string_view units);

/// y = scale * x + offset
struct Conversion {
  double scale = 1, offset = 0;
  double operator()(double x) const { return scale * x + offset; }
  bool is_identity() const { return scale == 1 && offset == 0; }
};

/// Conversion of values in `from` to values in `to`; empty if the units do not agree or `from` is blank.
///
/// Units:   hPa, mb, millibars -> Pa; degC -> K; g/kg -> kg/kg; % -> 1; gpm, m (height) -> m2 s-2 with standard
///          gravity; and any product of powers of the same SI units. `%` never becomes `kg kg-1`.
/// Source:  standard gravity from base/constants.h.
std::optional<Conversion> conversion(std::string_view from, std::string_view to);

}  // namespace pear
