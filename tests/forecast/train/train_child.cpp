// A training process to be killed: train_child RUN_DIR fresh|resume. Exit codes as the program's.
#include <torch/utils.h>

#include <cstring>
#include <iostream>

#include "base/error.h"
#include "base/signals.h"
#include "tests/forecast/train/toy_run.h"

int main(int argc, char** argv) {
  using namespace pear;
  if (argc != 3) return 2;
  install_stop_signals();
  torch::set_num_threads(1);
  auto request = forecast::testing::toy_request(argv[1]);
  request.mode = std::strcmp(argv[2], "resume") == 0 ? forecast::StartMode::Resume : forecast::StartMode::Fresh;
  request.train.max_steps = 40;
  request.train.augment = {"quarter_turn"};
  request.train.rollout.schedule = {{0, 1}, {17, 2}};
  request.train.validate_every_steps = 7;
  request.train.validate_every_epochs = 0;
  request.checkpoint.every_steps = 4;
  try {
    forecast::train(request);
  } catch (const StoppedBySignal& e) {
    std::cerr << e.what() << "\n";
    return 3;
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 1;
  }
  return 0;
}
