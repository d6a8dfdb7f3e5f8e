// Text that goes into the report: escaped, with readable numbers and units.
#pragma once

#include <string>
#include <string_view>

namespace pear::forecast {

/// Safe inside an element and inside a quoted attribute of HTML and SVG. Control characters and bytes that are no UTF-8
/// become U+FFFD, so that whatever comes from a file name cannot break the page.
std::string escape_html(std::string_view text);

/// `m2 s-2` -> `m² s⁻²`; not escaped.
std::string pretty_units(std::string_view units);

/// Up to four significant digits without an exponent where that is short; `–` for NaN, a true minus sign.
std::string pretty_number(double value);

/// Decimals that give the value three significant digits: the column of a table keeps them for all its numbers.
int decimals_for(double value);
/// With that many decimals, as pretty_number otherwise.
std::string fixed_number(double value, int decimals);

/// `rmse` -> `RMSE`, `acc_wb2` -> `ACC (acc_wb2)`; other names as they are.
std::string metric_title(std::string_view metric);

}  // namespace pear::forecast
