// What a case of the acceptance study is asked for and what it answers.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/progress.h"
#include "forecast/dynamics/spectral_core.h"

namespace pear::forecast {

/// Definition of one case, complete: the same definition gives the same numbers on the same machine.
struct AcceptanceSetup {
  std::string name;
  int64_t truncation = 42, layers = 20;
  double days = 5, spin_up_days = 0;
  double time_step = 900;  ///< s
  torch::Dtype dtype = torch::kFloat64;
  uint64_t seed = 1;
  torch::Device device = torch::kCPU;

  nlohmann::json definition() const;
  /// `held_suarez_T42L10_500d_spin200d_1800s`
  std::string label() const;
  SpectralCoreOptions core_options() const;
  bool is(int64_t t, int64_t l) const { return truncation == t && layers == l; }
};

/// One figure of the table. Not judged where `low` and `high` are NaN; `page`: the value that was measured when the
/// acceptance values were set, NaN where there is none for this setup.
struct Measure {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::string quantity, unit;
  double value = kNone, page = kNone, low = kNone, high = kNone;
  bool is_judged() const { return !std::isnan(low) || !std::isnan(high); }
  bool passes() const {
    return !std::isnan(value) && (std::isnan(low) || value >= low) && (std::isnan(high) || value <= high);
  }
};

/// `series`: numbers for the pictures, by name.
struct AcceptanceAnswer {
  std::vector<Measure> measures;
  nlohmann::json series = nlohmann::json::object();
};

/// Integrates and reports progress; stops between steps where a signal asks for it.
/// Errors:  StoppedBySignal; as SpectralCore::run.
class AcceptanceClock {
 public:
  AcceptanceClock(const AcceptanceSetup& setup, double total_days);
  void run(const SpectralCore& core, CoreState& state, double days);
  void finish() { progress_.finish(); }

 private:
  std::string name_;
  Progress progress_;
  int64_t done_ = 0;
};

/// Latitudes of the rows of to_latlon, north first, degrees.
std::vector<double> row_latitudes(const sphere::SphericalHarmonicTransform& transform);

/// Values as float64 in the order of the tensor.
std::vector<double> values_of(const torch::Tensor& x);

/// Time step of the adiabatic cases: 1800, 900, 600 s at T21, T42, T63 and divisors of 6 h between.
double adiabatic_time_step(int64_t truncation);

AcceptanceAnswer run_steady(const AcceptanceSetup& setup);
AcceptanceAnswer run_baroclinic_wave(const AcceptanceSetup& setup);
AcceptanceAnswer run_rossby_haurwitz(const AcceptanceSetup& setup);
AcceptanceAnswer run_conservation(const AcceptanceSetup& setup);
AcceptanceAnswer run_held_suarez(const AcceptanceSetup& setup);
AcceptanceAnswer run_error_growth(const AcceptanceSetup& setup);
AcceptanceAnswer run_reproducibility(const AcceptanceSetup& setup);

}  // namespace pear::forecast
