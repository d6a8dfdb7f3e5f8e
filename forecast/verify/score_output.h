// The files and the table that scores become.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/verify/score.h"

namespace pear::forecast {

/// Columns of scores.csv, in order.
extern const char* const kScoreColumns;

void write_scores_csv(const std::filesystem::path& path, const std::vector<ScoreRow>& rows);
/// Errors: DataError `BadScores` with the line.
std::vector<ScoreRow> read_scores_csv(const std::filesystem::path& path);

/// dims model, metric, region, lead_time, level; one variable per weather variable, and <name>_ci_low, <name>_ci_high,
/// <name>_num_init, <name>_definition_id of the same shape.
void write_scores_netcdf(const std::filesystem::path& path, const std::vector<ScoreRow>& rows,
                         const std::string& provenance_json);

/// First metric in the first region: one line per variable, level and lead, one column per model.
std::string format_score_table(const std::vector<ScoreRow>& rows);

/// Values of that table, and the lead at which `nh` z500 acc_wmo falls to 0.80 (linear in lead) where it was scored.
nlohmann::json headline_of(const std::vector<ScoreRow>& rows);

}  // namespace pear::forecast
