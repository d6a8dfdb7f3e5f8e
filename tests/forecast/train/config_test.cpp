#include <gtest/gtest.h>

#include "base/config/reader.h"
#include "base/error.h"
#include "forecast/train/checkpoint_config.h"
#include "forecast/train/data_config.h"
#include "forecast/train/train_config.h"

namespace pear::forecast {
namespace {

struct Sections {
  DataConfig data;
  TrainConfig train;
  CheckpointConfig checkpoint;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("data", data, {.doc = "data"});
    visit("train", train, {.doc = "training"});
    visit("checkpoint", checkpoint, {.doc = "checkpoints"});
  }
};

Sections read(std::vector<std::string> overrides) {
  Sections sections;
  read_config(sections, {.file = {}, .overrides = std::move(overrides)});
  return sections;
}

TEST(TrainSections, DefaultsArePublishedRecipe) {
  const auto s = read({});
  EXPECT_DOUBLE_EQ(s.train.lr, 5e-4);
  EXPECT_DOUBLE_EQ(s.train.weight_decay, 3e-6);
  EXPECT_DOUBLE_EQ(s.train.loss.surface_weight, 0.25);
  EXPECT_TRUE(s.train.decay_all);
  EXPECT_EQ(s.train.loss.kind, "l1");
  EXPECT_EQ(s.train.schedule.kind, "constant");
  EXPECT_FALSE(s.train.ema.is_on());
}

TEST(TrainSections, NestedKeysAndMapsAreRead) {
  const auto s = read({"train.loss.weights={t: 1.5, t850: 2}", "train.ema.decay=0.99", "train.schedule={kind: cosine}",
                       "data.lead=12h", "data.every=6h"});
  EXPECT_EQ(s.train.loss.weights.at("t850"), 2);
  EXPECT_EQ(s.train.schedule.kind, "cosine");
  EXPECT_EQ(s.data.lead_or_every(), hours(12));
}

TEST(TrainSections, LeadDefaultsToEvery) { EXPECT_EQ(read({"data.every=6h"}).data.lead_or_every(), hours(6)); }

TEST(TrainSections, OverlappingPeriodsAreRefusedUnlessAllowed) {
  const std::vector<std::string> overlapping{"data.train={start: 2018-01-01, end: 2018-02-01, every: 6h}",
                                             "data.select={start: 2018-02-01, end: 2018-03-01, every: 6h}"};
  EXPECT_THROW(read(overlapping), ConfigError);
  auto allowed = overlapping;
  allowed.push_back("data.allow_overlap=true");
  EXPECT_NO_THROW(read(allowed));
}

TEST(TrainSections, RolloutPhasesBeginAtZeroGrowAndHaveSteps) {
  const auto error_of = [](const std::string& schedule) -> std::string {
    try {
      read({"train.rollout.schedule=" + schedule});
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(error_of("[{from_step: 0, steps: 1}, {from_step: 100, steps: 2}]"), "");
  const auto has = [&](const std::string& schedule, const std::string& part) {
    EXPECT_NE(error_of(schedule).find(part), std::string::npos) << error_of(schedule);
  };
  has("[{from_step: 0, steps: 0}]", "train.rollout.schedule[0].steps");
  has("[{from_step: 5, steps: 1}]", "train.rollout.schedule[0].from_step");
  has("[{from_step: 0}, {from_step: 10}, {from_step: 10}]", "train.rollout.schedule[2].from_step");
  has("[{from_step: 0}, {from_step: 10}, {from_step: 10}]", "begins at 10");
  has("[{from: 0}]", "from_step");
}

TEST(TrainSections, StagesToCheckpointAreNamedAloneTogetherOrOneByOne) {
  EXPECT_TRUE(read({}).train.checkpointed_stages().empty());
  EXPECT_TRUE(read({"train.activation_checkpointing=none"}).train.checkpointed_stages().empty());
  EXPECT_EQ(read({"train.activation_checkpointing=stages"}).train.checkpointed_stages().size(), 4u);
  EXPECT_EQ(read({"train.activation_checkpointing=[stage2, stage1]"}).train.checkpointed_stages(),
            (std::vector<int64_t>{1, 2}));
}

TEST(TrainSections, ImpossibleValuesAreNamed) {
  for (const char* bad :
       {"train.lr=0", "train.betas=[0.9]", "train.betas=[0.9, 1.0]", "train.slots=0", "train.ema.decay=1.0",
        "train.best_metric=speed", "train.optimizer=sgd", "train.loss.kind=l3", "checkpoint.keep_last=0",
        "data.lead=0h", "data.variables=[z, z]", "train.augment=[half_turn]", "train.rollout.truncate=-1",
        "train.rollout.step_weights=first", "train.loss.preset=ifs", "train.loss.level_weights=mass",
        "train.activation_checkpointing=[none, stages]", "train.activation_checkpointing=[stage4]"}) {
    const std::string key = std::string(bad).substr(0, std::string(bad).find('='));
    try {
      read({bad});
      ADD_FAILURE() << bad << " was accepted";
    } catch (const ConfigError& e) {
      EXPECT_NE(std::string(e.what()).find(key), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace pear::forecast
