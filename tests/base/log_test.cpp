#include "base/log.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/files.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "base/signals.h"
#include "tests/base/scratch_folder.h"

namespace pear {
namespace {

class Log : public test::ScratchFolder {
 protected:
  void TearDown() override {
    close_log_file();
    set_log_options({});
    ScratchFolder::TearDown();
  }
};

TEST_F(Log, LinesHaveTimeLevelVerbAndText) {
  set_log_options({.verb = "train"});
  open_log_file(folder / "run.log");
  log_info("step {} loss {:.4f}", 1200, 0.18341);
  log_warn("careful");
  EXPECT_TRUE(
      std::regex_match(read_text(folder / "run.log"),
                       std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ INFO  train  step 1200 loss 0.1834\n"
                                  "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ WARN  train  careful\n")));
}

TEST_F(Log, VerbosityDecidesWhatIsShown) {
  open_log_file(folder / "run.log");
  set_log_options({.verbosity = Verbosity::Quiet});
  log_info("hidden");
  log_debug("hidden");
  log_error("shown");
  set_log_options({.verbosity = Verbosity::Verbose});
  log_debug("also shown");
  const std::string text = read_text(folder / "run.log");
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find("ERROR pear   shown"), std::string::npos);
  EXPECT_NE(text.find("DEBUG pear   also shown"), std::string::npos);
}

TEST_F(Log, WhatMainPrintsItselfGoesToTheFileOnly) {
  open_log_file(folder / "run.log");
  testing::internal::CaptureStderr();
  log_line_to_file(LogLevel::Error, "[config] broken");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_NE(read_text(folder / "run.log").find("ERROR pear   [config] broken"), std::string::npos);
}

TEST_F(Log, OtherRanksSpeakOnlyOnErrors) {
  open_log_file(folder / "run.log");
  set_log_options({.show_all = false, .rank_label = "[rank 1/2 node]"});
  log_warn("hidden");
  log_error("broken");
  const std::string text = read_text(folder / "run.log");
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_NE(text.find("[rank 1/2 node] broken"), std::string::npos);
}

TEST_F(Log, RepeatedWarningsAreSummedUp) {
  open_log_file(folder / "run.log");
  {
    RepeatedWarning warning("missing dates");
    for (int i = 0; i < 5; ++i) warning.add("date " + std::to_string(i) + " is missing");
    EXPECT_EQ(warning.count(), 5u);
  }
  const std::string text = read_text(folder / "run.log");
  EXPECT_NE(text.find("date 0 is missing"), std::string::npos);
  EXPECT_EQ(text.find("date 1 is missing"), std::string::npos);
  EXPECT_NE(text.find("missing dates: 5 in all"), std::string::npos);
}

TEST_F(Log, WarningsAreKeptForTheReport) {
  const size_t before = logged_warnings().size();
  log_warn("number {}", 1);
  ASSERT_EQ(logged_warnings().size(), before + 1);
  EXPECT_EQ(logged_warnings().back(), "number 1");
}

TEST_F(Log, ShortProgressIsSilent) {
  open_log_file(folder / "run.log");
  Progress progress("ingest", 10);
  for (int i = 0; i <= 10; ++i) progress.update(i);
  progress.finish();
  EXPECT_EQ(read_text(folder / "run.log"), "");
}

TEST(Progress, TimesAreShort) {
  EXPECT_EQ(format_seconds(12), "12s");
  EXPECT_EQ(format_seconds(245), "4m05s");
  EXPECT_EQ(format_seconds(11520), "3h12m");
  EXPECT_EQ(format_seconds(90000), "1d01h");
  EXPECT_EQ(format_seconds(-1), "?");
}

TEST(Signals, EachStopSignalSetsTheFlag) {
  install_stop_signals();
  for (int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    clear_stop_request();
    ASSERT_FALSE(stop_requested());
    std::raise(signal);
    EXPECT_TRUE(stop_requested()) << signal;
  }
  clear_stop_request();
  request_stop();
  EXPECT_TRUE(stop_requested());
  clear_stop_request();
}

TEST(SignalsDeathTest, ASecondInterruptEndsTheProcess) {
  EXPECT_EXIT(
      {
        install_stop_signals();
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      testing::ExitedWithCode(130), "");
}

TEST(Provenance, SaysWhatWasStatedAndNothingElse) {
  const char* argv[] = {"/opt/bin/pear", "train", "a b.yaml", "train.lr=1"};
  set_command_line(4, argv);
  set_revision({.commit = "0123456789abcdef0123", .dirty = true});
  register_library("ecCodes", "2.50.0");
  set_provenance_config({{"train", {{"lr", 1}}}}, "feed");
  set_reproducible_provenance(true);
  const nlohmann::json p = provenance_base();
  EXPECT_EQ(p["command"], "pear train 'a b.yaml' train.lr=1");
  EXPECT_EQ(p["pear"]["git_revision"], "0123456789abcdef0123");
  EXPECT_EQ(p["pear"]["dirty"], true);
  EXPECT_EQ(p["libraries"]["ecCodes"], "2.50.0");
  EXPECT_EQ(p["config"]["train"]["lr"], 1);
  EXPECT_EQ(p["config_sha256"], "feed");
  EXPECT_FALSE(p.contains("started"));
  set_reproducible_provenance(false);
  EXPECT_TRUE(provenance_base().contains("started"));
}

TEST(Version, ShortRevisionMarksLocalChanges) {
  EXPECT_EQ((Revision{.commit = "0123456789abcdef", .dirty = true}).short_text(), "0123456789ab-dirty");
  EXPECT_EQ((Revision{}).short_text(), "unknown");
}

}  // namespace
}  // namespace pear
