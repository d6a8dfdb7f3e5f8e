// The `ingest` section: how source files become a store.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/config/field.h"
#include "base/time.h"

namespace pear::forecast {

/// Section `ingest`. What is ingested stands in `data` and `grid`.
struct IngestConfig {
  std::string method = "conservative";
  std::string stage = "all";
  std::string part = "1/1";
  std::string missing_times = "error";
  std::vector<std::string> allow_nan;
  std::vector<Duration> tendency_lags;
  std::string statistics = "train";
  bool compress = false;
  Duration step{0};
  bool skip_bad = false;
  bool allow_suspect_units = false;
  std::string expver = "error";
  std::string kind = "analysis";
  std::string product;
  Path weights;
  double max_missing_fraction = 0;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("method", method, {.doc = "regridding to `grid`", .choices = {"bilinear", "conservative", "nearest"}});
    visit("stage", stage,
          {.doc = "init makes the store, load writes dates, finalise merges statistics, all does the three",
           .choices = {"all", "init", "load", "finalise"}});
    visit("part", part, {.doc = "i/n: load only the i-th of n shares of the dates, e.g. 2/8"});
    visit("missing_times", missing_times,
          {.doc = "a date without data is an error, or is listed in the store and skipped",
           .choices = {"error", "skip"}});
    visit("allow_nan", allow_nan, {.doc = "variables that may hold missing values"});
    visit("tendency_lags", tendency_lags, {.doc = "also store statistics of x(t + lag) - x(t) for these lags"});
    visit("statistics", statistics,
          {.doc = "dates that means and standard deviations are taken over: data.train where it is set, or all",
           .choices = {"train", "all"}});
    visit("compress", compress, {.doc = "shuffle and zlib instead of raw chunks"});
    visit("step", step, {.doc = "forecast step of the fields to take; 0h are analyses"});
    visit("skip_bad", skip_bad, {.doc = "go on after a damaged GRIB message; it is listed in the report"});
    visit("allow_suspect_units", allow_suspect_units, {.doc = "take fields whose units are missing or doubtful"});
    visit("expver", expver, {.doc = "CDS files mixing final and preliminary data", .choices = {"error", "merge"}});
    visit("kind", kind, {.doc = "what the data are (with a simulation: nature_run)", .choices = {"reanalysis", "analysis", "forecast", "nature_run"}});
    visit("product", product, {.doc = "name of the source product, kept in the store, e.g. era5"});
    visit("weights", weights, {.doc = "folder of regridding weights (default: `weights` beside the store)"});
    visit("max_missing_fraction", max_missing_fraction,
          {.doc = "with missing_times=skip: more missing dates than this share are an error; 0 means no limit"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

/// {i, n} of "i/n" with 1 <= i <= n; empty if the text is something else.
std::optional<std::pair<int64_t, int64_t>> parse_part(const std::string& text);

}  // namespace pear::forecast
