// The `regrid` section: how fields of files go to another grid.
#pragma once

#include <string>

#include "base/config/field.h"

namespace pear::regrid {

/// Section `regrid`. The target grid stands in `grid`.
struct RegridConfig {
  std::string method = "conservative";
  std::string missing = "if-heaviest";
  double valid_fraction = 0.5;
  std::string normalisation = "fracarea";
  Path weights;
  bool overwrite = false;
  bool skip_bad = false;
  bool allow_suspect_units = false;
  std::string expver = "error";

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("method", method, {.doc = "regridding method", .choices = {"conservative", "bilinear", "nearest"}});
    visit("missing", missing,
          {.doc = "when a target value is missing",
           .choices = {"if-any", "if-all", "if-heaviest", "valid-fraction", "error"}});
    visit("valid_fraction", valid_fraction, {.doc = "with missing=valid-fraction: least valid share of a target cell"});
    visit(
        "normalisation", normalisation,
        {.doc = "divide by the valid area or by the whole area of a target cell", .choices = {"fracarea", "destarea"}});
    visit("weights", weights, {.doc = "folder of regridding weights (default: the user's cache folder)"});
    visit("overwrite", overwrite, {.doc = "replace an existing output file"});
    visit("skip_bad", skip_bad, {.doc = "go on after a damaged GRIB message; it is listed in the report"});
    visit("allow_suspect_units", allow_suspect_units, {.doc = "take fields whose units are missing or doubtful"});
    visit("expver", expver, {.doc = "CDS files mixing final and preliminary data", .choices = {"error", "merge"}});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::regrid
