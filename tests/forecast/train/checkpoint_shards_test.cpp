#include "forecast/train/checkpoint_shards.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "io/safetensors.h"

namespace pear::forecast {
namespace {
namespace fs = std::filesystem;

struct TwoLayers : torch::nn::Module {
  TwoLayers() {
    register_module("first", torch::nn::Linear(90, 100));
    register_module("second", torch::nn::Linear(100, 70));
  }
};

/// Moments 0, 1, 2, ... and 0, -1, -2, ... of a network with 16,170 parameters: four blocks.
class Shards : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = fs::temp_directory_path() / (std::string("pear_shards_") + info->name() + std::to_string(getpid()));
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    m_ = torch::arange(parameters_.values().numel(), torch::kFloat32);
    v_ = -m_;
  }
  void TearDown() override { fs::remove_all(dir_); }

  CheckpointPart part(int64_t rank, int64_t size) const {
    const auto ranges = shards_of(buckets_, rank, size);
    CheckpointPart p{.step = 5, .files = {}, .state = {}, .checkpoint_bytes = 1};
    const FlatState moments{{kFirstMoment, joined(m_, ranges)}, {kSecondMoment, joined(v_, ranges)}};
    p.files.push_back(size == 1 ? whole_file(kOptimizerKind, parameters_, {{kFirstMoment, m_}, {kSecondMoment, v_}})
                                : shard_file(kOptimizerKind, rank, size, parameters_, ranges, moments));
    if (rank != 0) return p;
    p.files.push_back(whole_file("model", parameters_, {{"", m_}}));
    p.state = {{"step", 5}};
    return p;
  }
  fs::path write(int64_t size) const {
    const CheckpointWriter writer(dir_, {});
    writer.begin(5, 1);
    auto files = nlohmann::json::object();
    for (int64_t r = 0; r < size; ++r) files.update(writer.write_part(part(r, size)));
    return writer.commit(5, files, {}, "loss");
  }
  /// What a rank of `size` reads.
  void expect_read(const fs::path& folder, int64_t rank, int64_t size) const {
    const auto ranges = shards_of(buckets_, rank, size);
    const auto m = torch::full_like(joined(m_, ranges), 7), v = torch::full_like(m, 7);
    load_state(folder, kOptimizerKind, parameters_, ranges, {{kFirstMoment, m}, {kSecondMoment, v}});
    const auto valid = joined(torch::arange(m_.numel()) < parameters_.num_parameters(), ranges);
    EXPECT_TRUE(torch::equal(m, torch::where(valid, joined(m_, ranges), torch::full_like(m, 7))));  // not the padding
    EXPECT_TRUE(torch::equal(v, torch::where(valid, joined(v_, ranges), torch::full_like(m, 7))));
  }

  TwoLayers network_;
  FlatParameters parameters_{network_};
  std::vector<FlatRange> buckets_ = plan_buckets(parameters_.values().numel(), 0.02);
  torch::Tensor m_, v_;
  fs::path dir_;
};

std::string error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.code() + ": " + e.what();
  }
  return "no error";
}

TEST_F(Shards, WhatAnyNumberOfRanksWroteAnyOtherNumberReads) {
  for (const int64_t writers : {1, 2, 3, 5}) {  // five ranks of four blocks: one has nothing
    const fs::path folder = write(writers);
    EXPECT_EQ(checkpoint_problem(folder), std::nullopt);
    for (const int64_t readers : {1, 2, 4})
      for (int64_t r = 0; r < readers; ++r) expect_read(folder, r, readers);
    const auto content = read_checkpoint(folder);
    EXPECT_EQ(content.optimizer.size(), 8u);
    for (const auto& entry : parameters_.entries()) {
      EXPECT_TRUE(torch::equal(content.optimizer.at(kFirstMoment + entry.name), FlatParameters::view_of(m_, entry)));
      EXPECT_TRUE(torch::equal(content.optimizer.at(kSecondMoment + entry.name), FlatParameters::view_of(v_, entry)));
    }
  }
}

TEST_F(Shards, AMissingTruncatedOrChangedShardIsNamed) {
  const std::string name = "optimizer-00002-of-00003.safetensors";
  const auto expect_problem = [&](const fs::path& folder, const std::string& text) {
    EXPECT_EQ(checkpoint_problem(folder).value_or("none"), name + text);
    int found = 0;  // who share the work: one of them
    for (int64_t r = 0; r < 2; ++r) found += checkpoint_problem(folder, r, 2).has_value() ? 1 : 0;
    EXPECT_GE(found, 1);
    EXPECT_NE(error_of([&] { read_checkpoint(folder); }).find(name), std::string::npos);
  };
  fs::path folder = write(3);
  const auto bytes = fs::file_size(folder / name);
  {
    std::fstream file(folder / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(bytes) - 9);
    file.put('x');
  }
  expect_problem(folder, " does not match its checksum");
  const auto ranges = std::vector{FlatRange{0, m_.numel()}};
  EXPECT_NE(error_of([&] {
              load_state(folder, kOptimizerKind, parameters_, ranges,
                         {{kFirstMoment, torch::zeros_like(m_)}, {kSecondMoment, torch::zeros_like(m_)}});
            }).find(name + " does not match its checksum"),
            std::string::npos);
  folder = write(3);
  fs::resize_file(folder / name, bytes - 5);
  expect_problem(folder, " has " + std::to_string(bytes - 5) + " bytes, the manifest says " + std::to_string(bytes));
  folder = write(3);
  fs::remove(folder / name);
  expect_problem(folder, " is missing");
}

TEST_F(Shards, AManifestWithoutOneOfTheShardsIsNotWhole) {
  const fs::path folder = write(3);
  auto manifest = nlohmann::json::parse(read_text(folder / "MANIFEST.json"));
  manifest["files"].erase("optimizer-00002-of-00003.safetensors");
  std::ofstream(folder / "MANIFEST.json") << manifest.dump();
  EXPECT_NE(error_of([&] { read_checkpoint(folder); }).find("is not whole in its files"), std::string::npos);
  const auto m = torch::zeros_like(m_), v = torch::zeros_like(m_);
  const std::string said = error_of([&] {
    load_state(folder, kOptimizerKind, parameters_, {{0, m_.numel()}}, {{kFirstMoment, m}, {kSecondMoment, v}});
  });
  EXPECT_NE(said.find("missing or twice: exp_avg."), std::string::npos) << said;
}

TEST_F(Shards, AnotherNetworkIsRefusedByName) {
  const fs::path folder = write(2);
  torch::nn::LinearImpl other(4, 3);
  const FlatParameters parameters(other);
  const auto m = parameters.make_buffer(), v = parameters.make_buffer();
  const std::string said = error_of([&] {
    load_state(folder, kOptimizerKind, parameters, {{0, m.numel()}}, {{kFirstMoment, m}, {kSecondMoment, v}});
  });
  EXPECT_NE(said.find("WeightMismatch"), std::string::npos) << said;
  EXPECT_NE(said.find("unexpected first.weight"), std::string::npos) << said;
}

}  // namespace
}  // namespace pear::forecast
