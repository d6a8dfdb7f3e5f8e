#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "forecast/studies/dynamics_acceptance.h"
#include "forecast/studies/study_svg.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<double>;

/// NaN was written as null.
Numbers numbers(const nlohmann::json& series, const char* name) {
  Numbers out;
  for (const auto& v : series.at(name)) out.push_back(v.is_number() ? v.get<double>() : Measure::kNone);
  return out;
}

/// Edges half way between centres; the outermost ones mirrored, within limits.
Numbers edges(const Numbers& centres, double low, double high) {
  Numbers out{centres.front() - (centres[1] - centres[0]) / 2};
  for (size_t i = 0; i + 1 < centres.size(); ++i) out.push_back((centres[i] + centres[i + 1]) / 2);
  out.push_back(centres.back() + (centres.back() - centres[centres.size() - 2]) / 2);
  for (double& v : out) v = std::clamp(v, low, high);
  return out;
}

struct Picture {
  std::string name, svg;
};

std::vector<Picture> wave(const nlohmann::json& s, const std::string& label) {
  std::vector<Picture> out{
      {"lowest_ps",
       draw_lines(
           {"Baroclinic wave, " + label, "day", "lowest surface pressure [hPa]"},
           {{"this run", numbers(s, "day"), numbers(s, "lowest_ps")},
            {"page, T42L20", {4, 5, 6, 7, 8, 9, 10}, {998.34, 996.75, 993.57, 986.54, 972.14, 949.03, 927.57}}})}};
  const auto columns = s.at("columns").get<int64_t>();
  const Numbers lat = numbers(s, "latitude"), ps = numbers(s, "ps");
  StudySection section{.x_edges = {}, .y_edges = {}, .values = {}, .unit = "hPa"};
  for (int64_t i = 0; i <= columns; ++i)
    section.x_edges.push_back((static_cast<double>(i) - 0.5) * 360 / static_cast<double>(columns));
  const size_t north = lat.size() / 2;  // the wave stays in its hemisphere
  section.y_edges = edges(Numbers(lat.begin(), lat.begin() + static_cast<std::ptrdiff_t>(north)), 0, 90);
  section.values.assign(ps.begin(), ps.begin() + static_cast<std::ptrdiff_t>(north) * columns);
  out.push_back({"ps", draw_section({fmt::format("Surface pressure, day {:g}, {}", s.at("ps_day").get<double>(), label),
                                     "longitude [deg]", "latitude [deg]"},
                                    section)});
  return out;
}

std::vector<Picture> climate(const nlohmann::json& s, const std::string& label) {
  StudySection section{.x_edges = edges(numbers(s, "latitude"), -90, 90),
                       .y_edges = edges(numbers(s, "level"), 25, 1010)};
  std::reverse(section.x_edges.begin(), section.x_edges.end());  // south on the left
  const size_t columns = section.x_edges.size() - 1;
  const auto turned = [&](const char* name) {
    Numbers v = numbers(s, name);
    for (size_t i = 0; i < v.size(); i += columns)
      std::reverse(v.begin() + static_cast<std::ptrdiff_t>(i), v.begin() + static_cast<std::ptrdiff_t>(i + columns));
    return v;
  };
  std::vector<Picture> out;
  section.values = turned("u"), section.unit = "m s-1", section.around_zero = true;
  out.push_back({"u", draw_section({"Zonal mean of u, " + label, "latitude [deg]", "pressure [hPa]"}, section)});
  section.values = turned("t"), section.unit = "K", section.around_zero = false;
  out.push_back(
      {"t", draw_section({"Zonal mean of temperature, " + label, "latitude [deg]", "pressure [hPa]"}, section)});
  return out;
}

std::vector<Picture> pictures_of(const std::string& name, const nlohmann::json& s, const std::string& label) {
  if (name == "baroclinic_wave") return wave(s, label);
  if (name == "held_suarez") return climate(s, label);
  const auto curve = [&](const char* title, const char* key) {
    return StudyCurve{title, numbers(s, "day"), numbers(s, key)};
  };
  if (name == "steady")
    return {{"l2", draw_lines({"Steady jets, " + label, "day", "l2 error of u [m/s]"}, {curve("this run", "l2_u")})}};
  if (name == "rossby_haurwitz")
    return {{"phase", draw_lines({"Rossby-Haurwitz wave, " + label, "day", "longitude of a crest [deg]"},
                                 {curve("this run", "longitude")})}};
  if (name == "conservation")
    return {{"drift", draw_lines({"Conservation, " + label, "day", "relative change"},
                                 {curve("mass", "mass"), curve("energy", "energy"),
                                  curve("angular momentum", "angular_momentum")})}};
  if (name == "error_growth")
    return {{"growth", draw_lines({"Growth of errors, " + label, "day", "Z500 RMSE [m2/s2]", true},
                                  {curve("0.5 K", "z500_large"), curve("0.001 K", "z500_small")})}};
  return {};
}

}  // namespace

std::vector<fs::path> draw_acceptance(const nlohmann::json& finished, const fs::path& folder) {
  std::vector<fs::path> out;
  const auto label = finished.at("label").get<std::string>();
  for (const Picture& p :
       pictures_of(finished.at("definition").at("case").get<std::string>(), finished.at("series"), label)) {
    out.push_back(folder / (label + "_" + p.name + ".svg"));
    write_file_atomic(out.back(), p.svg);
  }
  return out;
}

}  // namespace pear::forecast
