#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <vector>

#include "base/error.h"
#include "base/progress.h"

namespace pear {
namespace {

constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                 spdlog::level::err};

struct LogState {
  std::mutex mutex;
  LogOptions options;
  spdlog::logger logger{"pear"};
  spdlog::sink_ptr file;
  std::vector<std::string> warnings;
  static constexpr size_t kMaxKeptWarnings = 200;
};

/// spdlog says "warning" and "info"; our lines say WARN and INFO, five columns wide.
class LevelName : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string_view name = message.level == spdlog::level::debug  ? "DEBUG"
                                  : message.level == spdlog::level::info ? "INFO "
                                  : message.level == spdlog::level::warn ? "WARN "
                                                                         : "ERROR";
    out.append(name.data(), name.data() + name.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelName>(); }
};

void apply_options(LogState& s) {
  const auto level = s.options.verbosity == Verbosity::Quiet     ? spdlog::level::warn
                     : s.options.verbosity == Verbosity::Verbose ? spdlog::level::debug
                                                                 : spdlog::level::info;
  s.logger.set_level(s.options.show_all ? level : spdlog::level::err);
  // Zulu time, the level padded to five, the verb to six, as in the design's sample line.
  const std::string label = s.options.rank_label.empty() ? "" : s.options.rank_label + " ";
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<LevelName>('*').set_pattern(
      fmt::format("%Y-%m-%dT%H:%M:%SZ %^%*%$ {:<6} {}%v", s.options.verb, label));
  s.logger.set_formatter(std::move(formatter));
}

// One process-wide log: it stands for the process's stderr, which is global by nature.
LogState& state() {
  static LogState& s = *[] {
    auto* made = new LogState;
    made->logger.sinks().push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->logger.flush_on(spdlog::level::debug);
    apply_options(*made);
    return made;
  }();
  return s;
}

}  // namespace

void set_log_options(const LogOptions& options) {
  LogState& s = state();
  std::lock_guard lock(s.mutex);
  s.options = options;
  apply_options(s);
}

Verbosity log_verbosity() {
  LogState& s = state();
  std::lock_guard lock(s.mutex);
  return s.options.verbosity;
}

void open_log_file(const std::filesystem::path& path) {
  LogState& s = state();
  std::lock_guard lock(s.mutex);
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    if (s.file) std::erase(s.logger.sinks(), s.file);
    s.file = sink;
    s.logger.sinks().push_back(sink);
  } catch (const spdlog::spdlog_ex& e) {
    throw DataError("WriteFailed", "base.log",
                    {.what = fmt::format("cannot open log file {} ({})", path.string(), e.what())});
  }
  apply_options(s);
}

void close_log_file() {
  LogState& s = state();
  std::lock_guard lock(s.mutex);
  if (s.file) std::erase(s.logger.sinks(), s.file);
  s.file.reset();
}

void log_line_to_file(LogLevel level, std::string_view text) {
  LogState& s = state();
  std::lock_guard lock(s.mutex);
  if (!s.file) return;
  s.file->log({"pear", kLevels[static_cast<int>(level)], spdlog::string_view_t(text.data(), text.size())});
  s.file->flush();
}

void log_line(LogLevel level, std::string_view text) {
  LogState& s = state();
  std::lock_guard lock(s.mutex);
  if (level == LogLevel::Warn && s.warnings.size() < LogState::kMaxKeptWarnings) s.warnings.emplace_back(text);
  const auto spd_level = kLevels[static_cast<int>(level)];
  if (!s.logger.should_log(spd_level)) return;
  erase_progress_line();
  s.logger.log(spd_level, spdlog::string_view_t(text.data(), text.size()));
}

std::vector<std::string> logged_warnings() {
  LogState& s = state();
  std::lock_guard lock(s.mutex);
  return s.warnings;
}

void RepeatedWarning::add(std::string_view text) {
  if (++count_ == 1) log_warn("{}", text);
}

RepeatedWarning::~RepeatedWarning() {
  try {
    if (count_ > 1) log_warn("{}: {} in all, only the first was shown", topic_, count_);
  } catch (...) {  // a destructor must not throw; the count is a courtesy
  }
}

}  // namespace pear
