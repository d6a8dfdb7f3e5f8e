#include "forecast/studies/dynamics_acceptance.h"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <chrono>
#include <numbers>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/provenance.h"
#include "base/signals.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
constexpr double kSecondsPerDay = 86400;
constexpr int kDefinitionVersion = 1;  ///< raise when a case computes something else

struct CaseEntry {
  const char* name;
  AcceptanceAnswer (*run)(const AcceptanceSetup&);
  int64_t truncation, layers;
  double days, spin_up_days, time_step;  ///< time_step 0: adiabatic_time_step or default_time_step
  torch::Dtype dtype;
  bool is_adiabatic;
};

/// The setups at which the acceptance values were measured (error_growth: a smaller one, see its table).
const std::vector<CaseEntry>& entries() {
  static const std::vector<CaseEntry> all{
      {"steady", &run_steady, 42, 20, 5, 0, 0, torch::kFloat64, true},
      {"baroclinic_wave", &run_baroclinic_wave, 42, 20, 9, 0, 0, torch::kFloat32, true},
      {"rossby_haurwitz", &run_rossby_haurwitz, 42, 5, 7, 0, 0, torch::kFloat64, true},
      {"held_suarez", &run_held_suarez, 42, 10, 500, 200, 1800, torch::kFloat32, false},
      {"conservation", &run_conservation, 42, 20, 10, 0, 0, torch::kFloat64, true},
      {"error_growth", &run_error_growth, 31, 8, 25, 60, 0, torch::kFloat32, false},
      {"reproducibility", &run_reproducibility, 21, 8, 1, 0, 0, torch::kFloat32, false},
  };
  return all;
}

const CaseEntry& entry(const std::string& name) {
  for (const CaseEntry& e : entries())
    if (name == e.name) return e;
  throw ConfigError("UnknownCase", "experiment", {.what = "case '" + name + "' is not known"});
}

std::string spelled(double v) { return std::isnan(v) ? "" : fmt::format("{:.5g}", v); }

std::string range_of(const Measure& m) {
  if (!m.is_judged()) return "";
  if (std::isnan(m.low)) return "<= " + spelled(m.high);
  if (std::isnan(m.high)) return ">= " + spelled(m.low);
  return spelled(m.low) + " .. " + spelled(m.high);
}

const char* verdict(const Measure& m) { return !m.is_judged() ? "-" : m.passes() ? "pass" : "FAIL"; }

nlohmann::json number(double v) { return std::isnan(v) ? nlohmann::json() : nlohmann::json(v); }

nlohmann::json to_json(const Measure& m) {
  return {{"quantity", m.quantity}, {"unit", m.unit},         {"value", number(m.value)}, {"page", number(m.page)},
          {"low", number(m.low)},   {"high", number(m.high)}, {"verdict", verdict(m)}};
}

Measure measure_from(const nlohmann::json& j) {
  const auto get = [&](const char* key) { return j.at(key).is_null() ? Measure::kNone : j.at(key).get<double>(); };
  return {.quantity = j.at("quantity"),
          .unit = j.at("unit"),
          .value = get("value"),
          .page = get("page"),
          .low = get("low"),
          .high = get("high")};
}

/// The stored case if it is finished and has this definition.
std::optional<nlohmann::json> finished_case(const fs::path& file, const AcceptanceSetup& setup) {
  if (!fs::exists(file)) return std::nullopt;
  auto stored = nlohmann::json::parse(read_text(file), nullptr, /*allow_exceptions=*/false);
  if (stored.is_discarded() || !stored.contains("definition") || stored["definition"] != setup.definition())
    return std::nullopt;
  return stored;
}

nlohmann::json run_case(const AcceptanceSetup& setup) {
  log_info("{}", setup.label());
  const c10::InferenceMode guard;
  const auto start = std::chrono::steady_clock::now();
  const AcceptanceAnswer answer = entry(setup.name).run(setup);
  nlohmann::json measures = nlohmann::json::array();
  for (const Measure& m : answer.measures) measures.push_back(to_json(m));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {{"label", setup.label()}, {"definition", setup.definition()}, {"seconds", seconds.count()},
          {"measures", measures},   {"series", answer.series},          {"provenance", provenance_base()}};
}

void append_rows(const nlohmann::json& finished, AcceptanceResult& out, std::string& csv) {
  const auto label = finished.at("label").get<std::string>();
  out.table += fmt::format("\n{}\n", label);
  for (const auto& j : finished.at("measures")) {
    const Measure m = measure_from(j);
    out.num_failed += m.is_judged() && !m.passes();
    out.table += fmt::format("  {:<36}{:>12}{:>12}  {:<20}{:<9}{}\n", m.quantity, spelled(m.value), spelled(m.page),
                             range_of(m), m.unit, verdict(m));
    csv += fmt::format("{},\"{}\",{},{},{},{},{},{}\n", label, m.quantity, m.unit, spelled(m.value), spelled(m.page),
                       spelled(m.low), spelled(m.high), verdict(m));
  }
}

}  // namespace

nlohmann::json AcceptanceSetup::definition() const {
  return {{"version", kDefinitionVersion},
          {"case", name},
          {"truncation", truncation},
          {"layers", layers},
          {"days", days},
          {"spin_up_days", spin_up_days},
          {"time_step", time_step},
          {"seed", seed},
          {"float_bits", dtype == torch::kFloat64 ? 64 : 32}};
}

std::string AcceptanceSetup::label() const {
  const std::string spin_up = spin_up_days > 0 ? fmt::format("_spin{:g}d", spin_up_days) : "";
  return fmt::format("{}_T{}L{}_{:g}d{}_{:g}s", name, truncation, layers, days, spin_up, time_step);
}

SpectralCoreOptions AcceptanceSetup::core_options() const {
  SpectralCoreOptions o;
  o.truncation = truncation, o.time_step = time_step, o.dtype = dtype, o.device = device;
  return o;
}

std::vector<double> row_latitudes(const sphere::SphericalHarmonicTransform& t) {
  std::vector<double> out;
  const auto& mu = t.mu();
  for (int64_t i = 0; i < mu.numel(); ++i) out.push_back(std::asin(mu[i].item<double>()) * 180 / std::numbers::pi);
  for (int64_t i = mu.numel() - 1; i >= 0; --i) out.push_back(-out[static_cast<size_t>(i)]);
  return out;
}

std::vector<double> values_of(const torch::Tensor& x) {
  const auto flat = x.to(torch::kCPU, torch::kFloat64).contiguous().flatten();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

double adiabatic_time_step(int64_t truncation) {
  constexpr double kSixHours = 21600, kProduct = 37800;  // 900 s at T42
  return kSixHours / std::ceil(kSixHours * static_cast<double>(truncation) / kProduct - 1e-9);
}

AcceptanceClock::AcceptanceClock(const AcceptanceSetup& setup, double total_days)
    : name_(setup.label()), progress_(name_, std::llround(total_days * kSecondsPerDay / setup.time_step), "steps") {}

void AcceptanceClock::run(const SpectralCore& core, CoreState& state, double days) {
  const double steps = days * kSecondsPerDay / core.time_step();
  if (std::abs(steps - std::round(steps)) > 1e-6)
    throw ConfigError("BadTimeStep", "experiment",
                      {.what = fmt::format("{:g} days are to be integrated", days),
                       .expected = "a multiple of the time step",
                       .found = fmt::format("a time step of {:g} s", core.time_step())});
  for (int64_t i = 0; i < std::llround(steps); ++i) {
    if (stop_requested()) throw StoppedBySignal(name_ + " was stopped; finished cases are kept");
    core.step(state);
    progress_.update(++done_);
  }
}

std::vector<AcceptanceSetup> acceptance_setups(const AcceptanceRequest& request) {
  const ExperimentConfig& e = request.experiment;
  std::vector<AcceptanceSetup> out;
  for (const std::string& name : e.cases) {
    const CaseEntry& c = entry(name);
    AcceptanceSetup s{.name = name, .seed = request.seed, .device = request.device};
    s.truncation = e.truncation > 0 ? e.truncation : c.truncation;
    s.layers = e.layers > 0 ? e.layers : c.layers;
    s.days = e.days > 0 ? e.days : c.days;
    s.spin_up_days = e.spin_up_days >= 0 ? static_cast<double>(e.spin_up_days) : c.spin_up_days;
    if (name != "reproducibility") s.days = std::max(1.0, s.days);  // they count days
    if (name == "held_suarez" && s.spin_up_days >= s.days) s.spin_up_days = std::floor(s.days / 2);
    s.dtype = c.dtype;
    const bool own = c.time_step > 0 && s.truncation == c.truncation;
    s.time_step = e.time_step > 0  ? e.time_step
                  : own            ? c.time_step
                  : c.is_adiabatic ? adiabatic_time_step(s.truncation)
                                   : default_time_step(s.truncation);
    out.push_back(s);
  }
  return out;
}

AcceptanceResult run_dynamics_acceptance(const AcceptanceRequest& request) {
  const fs::path cases = request.run_dir / "cases";
  ensure_writable_directory(cases);
  AcceptanceResult out;
  out.table = fmt::format("  {:<36}{:>12}{:>12}  {:<20}{:<9}{}\n", "quantity", "measured", "page", "accepted", "unit",
                          "verdict");
  std::string csv = "case,quantity,unit,measured,page,low,high,verdict\n";
  nlohmann::json all = nlohmann::json::array();
  for (const AcceptanceSetup& setup : acceptance_setups(request)) {
    const fs::path file = cases / (setup.label() + ".json");
    auto finished = finished_case(file, setup);
    if (finished) {
      out.repeated.push_back(setup.label());
    } else {
      finished = run_case(setup);
      write_file_atomic(file, finished->dump() + "\n");
      out.outputs.push_back(file);
    }
    append_rows(*finished, out, csv);
    for (const fs::path& picture : draw_acceptance(*finished, request.run_dir)) out.outputs.push_back(picture);
    finished->erase("series");  // stays in the case's own file
    all.push_back(*finished);
  }
  out.record = {
      {"study", "dynamics_acceptance"}, {"failed", out.num_failed}, {"cases", all}, {"provenance", provenance_base()}};
  write_file_atomic(request.run_dir / "acceptance.json", out.record.dump(2) + "\n");
  write_file_atomic(request.run_dir / "acceptance.csv", csv);
  out.outputs.push_back(request.run_dir / "acceptance.json");
  out.outputs.push_back(request.run_dir / "acceptance.csv");
  return out;
}

}  // namespace pear::forecast
