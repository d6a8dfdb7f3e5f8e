// A training run that takes seconds: two winds on a coarse grid, a PEAR of a few thousand weights.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/config/reader.h"
#include "base/files.h"
#include "forecast/train/trainer.h"
#include "tests/forecast/train/fake_store.h"

namespace pear::forecast::testing {

inline ModelConfig toy_model(std::vector<std::string> extra = {}) {
  std::vector<std::string> keys{"name=pear",          "patch=[2, 4]",   "dims=[8, 16, 16, 8]", "depths=[2, 2, 2, 2]",
                                "heads=[2, 4, 4, 2]", "window=[1, 16]", "ring_shift=2",        "output=tendency"};
  keys.insert(keys.end(), extra.begin(), extra.end());
  ModelConfig config;
  read_config(config, {.file = {}, .overrides = keys});
  return config;
}

inline TrainRequest toy_request(const std::filesystem::path& run_dir) {
  TrainRequest request;
  request.run_dir = run_dir;
  request.name = "toy";
  request.seed = 3;
  request.reproducible = true;
  request.store = wind_store(8, 24);
  request.data.train.period = Period{parse_time("2018-10-01"), parse_time("2018-10-04"), hours(6)};   // 12 pairs
  request.data.select.period = Period{parse_time("2018-10-05"), parse_time("2018-10-06"), hours(6)};  // 4 pairs
  request.model = toy_model();
  request.train.lr = 2e-3;
  request.train.epochs = 1000;
  request.train.max_steps = 12;
  request.train.slots = 2;
  request.train.batch = 2;
  request.train.log_every = 1;
  request.train.ema.decay = 0.9;
  request.train.schedule.kind = "cosine";
  request.checkpoint.every_minutes = 0;
  return request;
}

/// Temporary folder of one test.
class RunFolder {
 public:
  explicit RunFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("pear_train_" + name + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~RunFolder() { std::filesystem::remove_all(path_); }
  operator const std::filesystem::path&() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace pear::forecast::testing
