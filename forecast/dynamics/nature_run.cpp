#include "forecast/dynamics/nature_run.h"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/signals.h"
#include "forecast/dynamics/core_restart.h"
#include "forecast/dynamics/core_threads.h"
#include "forecast/dynamics/dycore_model.h"
#include "forecast/dynamics/nature_fields.h"
#include "io/field_file.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kSecondsPerDay = 86400;
constexpr Duration kFilePeriod{30 * kSecondsPerDay};      ///< of one file, and of a piece of the spin-up
constexpr int64_t kMaxFileBytes = int64_t{256} << 20;     ///< of all members in memory
constexpr const char* kDefinitionFile = "simulation.json";
constexpr const char* kRestartFile = "restart.safetensors";
constexpr const char* kTitle = "nature_run: simulated by the dynamical core of pear, not observed";

bool is_nature_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with("nature_run_") && name.ends_with(".nc");
}

/// Everything that decides the numbers; the length does not: a longer run continues a shorter one.
nlohmann::json definition_of(const NatureRunRequest& r, const CoreAssembly& a) {
  nlohmann::json d = a.definition;
  d["members"] = r.config.members;
  d["seed"] = r.seed;
  d["start"] = format_time(r.config.start);
  d["every"] = format_duration(r.config.every);
  d["spin_up"] = format_duration(r.config.spin_up);
  d["perturbation"] = r.config.perturbation;
  return d;
}

class NatureRun {
 public:
  explicit NatureRun(const NatureRunRequest& request)
      : request_(request), config_(request.config), assembly_(assemble_core(config_, request.levels_hpa)) {
    definition_ = definition_of(request, assembly_);
    id_ = sha256_hex(definition_.dump());
    num_states_ = config_.length.seconds / config_.every.seconds + 1;
    const int64_t state_bytes = nature_state_values(assembly_, request.levels_hpa.size()) * config_.members * 4;
    states_per_file_ = std::clamp<int64_t>(kMaxFileBytes / state_bytes, 1,
                                           std::max<int64_t>(1, kFilePeriod.seconds / config_.every.seconds));
    state_bytes_ = state_bytes;
  }

  NatureRunPlan plan() const;
  NatureRunReport run();

 private:
  fs::path member_folder(int64_t member) const {
    return config_.members == 1 ? request_.folder : request_.folder / fmt::format("member_{:03}", member);
  }
  fs::path file(int64_t first_state, int64_t member) const {
    const Time t = config_.start + first_state * config_.every;
    return member_folder(member) / fmt::format("nature_run_{}.nc", format_time_compact(t));
  }
  std::vector<fs::path> files() const;
  std::vector<fs::path> written_files() const;
  void remove_files() const;
  void check_folder() const;
  std::optional<CoreRestart> read_restart() const;
  void save(const CoreState& core, int64_t states) const {
    write_restart(request_.folder / kRestartFile, {core, states, id_});
  }
  void spin_up(CoreState& core, Progress& progress);
  void part(CoreState& core) const;
  void write_file(CoreState& core, int64_t first, int64_t count, Progress& progress, NatureRunReport& report);
  void stop_if_asked() const {
    if (stop_requested()) throw StoppedBySignal("simulation stopped by a signal; run the same command again to continue");
  }
  int64_t days_of(const CoreState& core) const {
    return static_cast<int64_t>(static_cast<double>(core.step) * assembly_.core->time_step()) / kSecondsPerDay;
  }

  const NatureRunRequest& request_;
  const SimulateConfig& config_;
  CoreAssembly assembly_;
  nlohmann::json definition_;
  std::string id_;
  int64_t num_states_ = 0, states_per_file_ = 0, state_bytes_ = 0;
};

std::vector<fs::path> NatureRun::files() const {
  std::vector<fs::path> all;
  for (int64_t m = 0; m < config_.members; ++m)
    for (int64_t first = 0; first < num_states_; first += states_per_file_) all.push_back(file(first, m));
  return all;
}

NatureRunPlan NatureRun::plan() const {
  NatureRunPlan p;
  const auto restart = read_restart();
  p.grid = nature_grid(assembly_).spec();
  p.time_step = assembly_.core->time_step();
  p.layers = config_.num_layers();
  p.states = num_states_;
  p.states_done = restart ? std::min(restart->states, num_states_) : 0;
  p.bytes = num_states_ * state_bytes_;
  p.files = files();
  return p;
}

std::vector<fs::path> NatureRun::written_files() const {
  std::vector<fs::path> all;
  for (int64_t m = 0; m < config_.members; ++m) {
    std::vector<fs::path> own;
    for (const auto& entry : fs::directory_iterator(member_folder(m)))
      if (is_nature_file(entry.path())) own.push_back(entry.path());
    std::sort(own.begin(), own.end());
    all.insert(all.end(), own.begin(), own.end());
  }
  return all;
}

void NatureRun::remove_files() const {
  fs::remove(request_.folder / kRestartFile);
  for (const auto& entry : fs::recursive_directory_iterator(request_.folder))
    if (is_nature_file(entry.path())) fs::remove(entry.path());
}

/// A folder of another run is left alone.
void NatureRun::check_folder() const {
  const fs::path path = request_.folder / kDefinitionFile;
  if (!fs::exists(path)) return;
  const auto have = parse_json(read_text(path));
  if (have == definition_) return;
  std::vector<std::string> wanted, found;
  for (const auto& [k, v] : definition_.items()) {
    const std::string there = have.is_object() && have.contains(k) ? have[k].dump() : "none";
    if (there == v.dump()) continue;
    wanted.push_back(fmt::format("{} {}", k, v.dump()));
    found.push_back(fmt::format("{} {}", k, there));
  }
  if (request_.overwrite) return;
  throw DataError("ResultExists", "dynamics.simulate",
                  {.what = fmt::format("{} holds another simulation", request_.folder.string()),
                   .expected = fmt::format("{}", fmt::join(wanted, ", ")),
                   .found = fmt::format("{}", fmt::join(found, ", ")),
                   .hint = "choose another simulate.dir or run.dir, or set run.overwrite=true"});
}

std::optional<CoreRestart> NatureRun::read_restart() const {
  const fs::path path = request_.folder / kRestartFile;
  if (!fs::exists(path)) return std::nullopt;
  if (!fs::exists(request_.folder / kDefinitionFile)) return std::nullopt;
  const auto have = parse_json(read_text(request_.folder / kDefinitionFile));
  if (have != definition_) return std::nullopt;  // run.overwrite: check_folder has let it pass
  return forecast::read_restart(path, *assembly_.core, config_.members, id_);
}

/// Members 1, 2, … leave member 0 by white noise in the temperature of every layer, on both time levels.
void NatureRun::part(CoreState& core) const {
  if (config_.perturbation <= 0 || config_.members < 2) return;
  const auto& t = assembly_.core->transform();
  const auto& upper = core.now.upper;
  const int64_t layers = upper.size(4), rows = t.num_hemisphere_rows(), columns = t.options().num_columns;
  auto noise = torch::zeros({config_.members, layers, 2, rows, columns}, torch::kFloat64);
  auto* x = noise.data_ptr<double>();
  const int64_t per_member = layers * 2 * rows * columns;
  for (int64_t i = per_member; i < noise.numel(); ++i)
    x[i] = config_.perturbation * random_normal(request_.seed, "simulate.perturbation", static_cast<uint64_t>(i));
  const auto change = t.truncate(t.analyze(noise.to(t.options().dtype)));
  core.now.upper.select(2, kTemperature).add_(change);
  core.previous.upper.select(2, kTemperature).add_(change);
}

void NatureRun::spin_up(CoreState& core, Progress& progress) {
  const double dt = assembly_.core->time_step();
  const auto total = static_cast<int64_t>(std::llround(static_cast<double>(config_.spin_up.seconds) / dt));
  const int64_t piece = std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(kFilePeriod.seconds) / dt));
  while (core.step < total) {
    stop_if_asked();
    const int64_t steps = std::min(piece - core.step % piece, total - core.step);
    for (int64_t i = 0; i < steps; ++i) {
      assembly_.core->step(core);
      if (core.step % 16 == 0) progress.update(days_of(core));
    }
    if (core.step < total) save(core, 0);
  }
  part(core);
  save(core, 0);
}

void NatureRun::write_file(CoreState& core, int64_t first, int64_t count, Progress& progress, NatureRunReport& report) {
  std::vector<std::vector<io::Field>> fields(static_cast<size_t>(config_.members));
  for (int64_t i = first; i < first + count; ++i) {
    stop_if_asked();
    if (i > 0) assembly_.core->run(core, static_cast<double>(config_.every.seconds));
    const NatureStatistics s =
        append_nature_fields(assembly_, core, config_.start + i * config_.every, request_.levels_hpa, fields);
    report.max_wind = std::max(report.max_wind, s.max_wind);
    report.mean_precipitation += s.precipitation_mm_per_day;
    progress.update(days_of(core));
  }
  nlohmann::json provenance = request_.provenance;
  provenance["kind"] = "nature_run";
  provenance["definition"] = definition_;
  for (int64_t m = 0; m < config_.members; ++m) {
    provenance["member"] = m;
    io::write_fields(file(first, m), fields[static_cast<size_t>(m)], provenance.dump(), kTitle);
  }
  report.states_written += count;
}

NatureRunReport NatureRun::run() {
  c10::InferenceMode guard;
  const auto started = std::chrono::steady_clock::now();
  check_folder();
  ensure_writable_directory(request_.folder);
  for (int64_t m = 0; m < config_.members; ++m) fs::create_directories(member_folder(m));
  auto restart = read_restart();
  if (!restart) {
    remove_files();
    write_file_atomic(request_.folder / kDefinitionFile, definition_.dump(1) + "\n");
    restart = CoreRestart{{}, 0, id_};
    const int64_t distinct = config_.perturbation > 0 ? 1 : config_.members;
    PrimitiveState start = nature_start(assembly_, distinct, request_.seed);
    start.upper = start.upper.expand({-1, -1, -1, config_.members, -1, -1}).contiguous();
    start.log_pressure = start.log_pressure.expand({-1, -1, config_.members, -1}).contiguous();
    restart->core = assembly_.core->begin(start, dynamics_days(config_.start - config_.spin_up));
    if (config_.spin_up.seconds == 0) part(restart->core);
    io::write_fields(request_.folder / "surface.nc", nature_surface_fields(assembly_), request_.provenance.dump(),
                     kTitle);
  } else {
    log_info("continues after {} of {} states, day {}", restart->states, num_states_, days_of(restart->core));
  }
  CoreState& core = restart->core;
  NatureRunReport report{.states_total = num_states_};
  const int64_t first_day = days_of(core);
  Progress progress("simulate", (config_.spin_up + config_.length).seconds / kSecondsPerDay, "days");
  if (restart->states == 0) spin_up(core, progress);
  for (int64_t done = restart->states; done < num_states_;) {
    // Files begin at fixed states; a run that is made longer begins one where it had ended.
    const int64_t count = std::min(states_per_file_ - done % states_per_file_, num_states_ - done);
    write_file(core, done, count, progress, report);
    done += count;
    save(core, done);
  }
  progress.finish();
  report.files = written_files();
  report.simulated_days = static_cast<double>(days_of(core) - first_day);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (report.states_written > 0) report.mean_precipitation /= static_cast<double>(report.states_written);
  return report;
}

}  // namespace

NatureRunPlan plan_nature_run(const NatureRunRequest& request) { return NatureRun(request).plan(); }

NatureRunReport simulate(const NatureRunRequest& request) {
  const CoreThreads threads(request.config.truncation_number());
  return NatureRun(request).run();
}

}  // namespace pear::forecast
