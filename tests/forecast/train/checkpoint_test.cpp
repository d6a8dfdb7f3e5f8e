#include "forecast/train/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "forecast/train/metrics_log.h"

namespace pear::forecast {
namespace {
namespace fs = std::filesystem;

class Checkpoints : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = fs::temp_directory_path() / (std::string("pear_checkpoint_") + info->name() + std::to_string(getpid()));
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  static CheckpointPart content(int64_t step, int64_t size = 100) {
    CheckpointPart part{.step = step, .files = {}, .state = {}, .checkpoint_bytes = 1};
    part.files = {{"model.safetensors", {{"w", torch::full({size}, static_cast<double>(step))}}, {}},
                  {"ema.safetensors", {{"w", torch::full({size}, 0.5)}}, {}},
                  {"optimizer.safetensors", {{"exp_avg.w", torch::full({size}, 0.25)}}, {}}};
    part.state = {{"step", step}, {"note", "x"}};
    return part;
  }
  /// As one rank does it.
  static void write(const CheckpointWriter& writer, const CheckpointPart& part,
                    const std::vector<BestEntry>& best = {}) {
    writer.begin(part.step, part.checkpoint_bytes);
    writer.commit(part.step, writer.write_part(part), best, "loss");
  }
  std::vector<int64_t> steps() const {
    std::vector<int64_t> out;
    for (const auto& f : list_checkpoints(dir_)) out.push_back(f.step);
    return out;
  }
  fs::path folder(int64_t step) const { return dir_ / checkpoint_folder_name(step); }
  fs::path dir_;
};

void flip_byte(const fs::path& path, int64_t position) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(position);
  const char c = static_cast<char>(file.get() ^ 1);
  file.seekp(position);
  file.put(c);
}

TEST_F(Checkpoints, WhatIsWrittenIsRead) {
  CheckpointWriter writer(dir_, {});
  write(writer, content(12));
  const auto read = read_checkpoint(folder(12));
  EXPECT_EQ(read.step, 12);
  EXPECT_FLOAT_EQ(read.model.at("w")[99].item<float>(), 12);
  EXPECT_FLOAT_EQ(read.ema.at("w")[0].item<float>(), 0.5);
  EXPECT_FLOAT_EQ(read.optimizer.at("exp_avg.w")[0].item<float>(), 0.25);
  EXPECT_EQ(read.state.at("note"), "x");
  EXPECT_EQ(nlohmann::json::parse(read_text(dir_ / "last.json")).at("checkpoint"), "step_00000012");
}

TEST_F(Checkpoints, RetentionKeepsTheLastAndTheBest) {
  CheckpointWriter writer(dir_, {.keep_last = 2, .keep_best = 1});
  for (int64_t step : {10, 20, 30, 40, 50}) write(writer, content(step), {{20, 0.5}});
  EXPECT_EQ(steps(), (std::vector<int64_t>{50, 40, 20}));
  const auto best = nlohmann::json::parse(read_text(dir_ / "best.json"));
  EXPECT_EQ(best.at("step"), 20);
  EXPECT_DOUBLE_EQ(best.at("value").get<double>(), 0.5);
}

TEST_F(Checkpoints, ForgedManifestsAndStatesAreAProblemOfTheCheckpoint) {
  CheckpointWriter writer(dir_, {});
  write(writer, content(12));
  const fs::path manifest = folder(12) / "MANIFEST.json", state = folder(12) / "state.json";
  const auto original = nlohmann::json::parse(read_text(manifest));
  const auto put = [](const fs::path& path, const std::string& text) { std::ofstream(path) << text; };
  for (const auto& entry : {nlohmann::json(5), nlohmann::json({{"size", "big"}, {"sha256", ""}}),
                            nlohmann::json({{"size", 5}, {"sha256", 5}}), nlohmann::json({{"size", -1}})}) {
    auto forged = original;
    forged["files"]["model.safetensors"] = entry;
    put(manifest, forged.dump());
    EXPECT_TRUE(checkpoint_problem(folder(12))) << entry;
  }
  auto outside = original;
  outside["files"]["../../etc/passwd"] = {{"size", 1}, {"sha256", ""}};
  put(manifest, outside.dump());
  EXPECT_EQ(checkpoint_problem(folder(12)), "MANIFEST.json is damaged at ../../etc/passwd");
  put(manifest, std::string(1000000, '['));
  EXPECT_TRUE(checkpoint_problem(folder(12)));
  for (const std::string& text : {std::string("[1]"), std::string("{"), std::string("{\"step\": \"ten\"}"),
                                  std::string("{}"), "{\"a\":" + std::string(1000000, '[')}) {
    put(state, text);
    auto forged = original;
    forged["files"]["state.json"] = {{"size", text.size()}, {"sha256", sha256_hex(text)}};
    put(manifest, forged.dump());
    EXPECT_FALSE(checkpoint_problem(folder(12)));
    EXPECT_THROW(read_checkpoint(folder(12)), DataError) << text.substr(0, 50);
  }
}

TEST_F(Checkpoints, DamagedFoldersArePassedOver) {
  CheckpointWriter writer(dir_, {.keep_last = 9});
  for (int64_t step : {10, 20, 30, 40, 50}) write(writer, content(step));
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(50));
  fs::remove(folder(50) / "MANIFEST.json");
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(40));
  fs::resize_file(folder(40) / "optimizer.safetensors", 50);
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(30));
  flip_byte(folder(30) / "model.safetensors",
            static_cast<int64_t>(fs::file_size(folder(30) / "model.safetensors")) - 1);
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(20));
  fs::remove(folder(20) / "ema.safetensors");
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(10));
  EXPECT_THROW(read_checkpoint(folder(30)), DataError);
  std::ofstream(folder(10) / "MANIFEST.json") << "{";
  try {
    newest_valid_checkpoint(dir_);
    ADD_FAILURE();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "BadCheckpoint");
    EXPECT_NE(std::string(e.what()).find("step_00000030: model.safetensors does not match its checksum"),
              std::string::npos)
        << e.what();
  }
}

TEST_F(Checkpoints, NoFolderIsNoCheckpoint) {
  EXPECT_EQ(newest_valid_checkpoint(dir_), std::nullopt);
  EXPECT_EQ(newest_valid_checkpoint(dir_ / "absent"), std::nullopt);
}

TEST_F(Checkpoints, AnUnfinishedWriteIsNotSeenAndIsClearedAway) {
  CheckpointWriter writer(dir_, {});
  write(writer, content(10));
  write(writer, content(20));
  fs::remove(folder(20) / "MANIFEST.json");
  fs::create_directory(folder(30).string() + ".tmp");
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(10));
  writer.rewind(10, {}, "loss");
  EXPECT_EQ(steps(), std::vector<int64_t>{10});
  EXPECT_FALSE(fs::exists(folder(30).string() + ".tmp"));
  EXPECT_EQ(nlohmann::json::parse(read_text(dir_ / "last.json")).at("step"), 10);
  write(writer, content(20));
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(20));
}

TEST_F(Checkpoints, AFailedWriteLeavesOlderOnesUntouched) {
  CheckpointWriter writer(dir_, {});
  write(writer, content(10), {{10, 1.0}});
  const auto pointer = read_text(dir_ / "last.json");
  // A file size limit stands in for a full disk: write fails with an error in the middle of the tensors.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write(writer, content(20, 100000), {{20, 0.5}}), DataError);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(steps(), std::vector<int64_t>{10});
  EXPECT_EQ(read_text(dir_ / "last.json"), pointer);
  EXPECT_EQ(newest_valid_checkpoint(dir_), folder(10));
}

TEST_F(Checkpoints, AFolderThatCannotBeMadeIsAnErrorAtTheStart) {
  std::ofstream(dir_ / "file") << "x";
  EXPECT_THROW(CheckpointWriter(dir_ / "file" / "checkpoints", {}), DataError);
}

TEST_F(Checkpoints, MetricsAreCutBackOnResume) {
  const std::vector<std::string> columns{"kind", "step", "loss", "rmse_u10"};
  {
    MetricsLog log(dir_, columns, 0);
    for (int64_t s = 1; s <= 5; ++s)
      log.write({{"kind", "train"}, {"step", s}, {"loss", 1.0 / static_cast<double>(s)}});
  }
  std::ofstream(dir_ / "metrics.jsonl", std::ios::app) << "{\"step\": 2, \"lo";  // torn by a kill
  {
    MetricsLog log(dir_, columns, 3);
    log.write({{"kind", "validation"}, {"step", 4}, {"rmse_u10", 2.5}});
  }
  EXPECT_EQ(read_text(dir_ / "metrics.csv"),
            "kind,step,loss,rmse_u10\ntrain,1,1.0,\ntrain,2,0.5,\ntrain,3,0.3333333333333333,\nvalidation,4,,2.5\n");
  std::istringstream lines(read_text(dir_ / "metrics.jsonl"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  EXPECT_EQ(count, 4);
}

}  // namespace
}  // namespace pear::forecast
