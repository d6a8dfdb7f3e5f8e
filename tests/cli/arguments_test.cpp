#include "cli/arguments.h"

#include <gtest/gtest.h>

#include <new>
#include <set>
#include <sstream>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/report.h"
#include "forecast/config/run_config.h"

namespace pear::cli {
namespace {

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream in(line);
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::string code_of(const std::string& line) {
  try {
    parse_arguments(words(line));
  } catch (const ConfigError& e) {
    return e.code();
  }
  return "none";
}

// Every flag is one more thing that a config file cannot hold. Think twice before this list grows.
TEST(Flags, TheListIsFrozen) {
  std::set<std::string> names;
  for (const Flag& flag : all_flags()) names.emplace(flag.name);
  EXPECT_EQ(names, (std::set<std::string>{"--dry-run", "--json",  "--verbose",    "--quiet",        "--help",
                                          "--version", "--keys",  "--verify",     "--export-names", "--out",
                                          "--resume",  "--fork",  "--warm-start", "--weights-only", "--intersect-times",
                                          "--allow",   "--chain", "--requeue",    "--array",        "--verb",
                                          "--status"}));
}

TEST(Verbs, TheTableIsComplete) {
  std::vector<std::string> names;
  for (const Command& c : all_commands()) {
    names.emplace_back(c.name);
    EXPECT_NE(c.run, nullptr) << c.name;
    EXPECT_GE(c.examples.size(), 2u) << c.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"simulate", "ingest", "regrid", "climatology", "train", "forecast",
                                             "score", "report", "inspect", "check", "submit", "experiment"}));
}

TEST(Arguments, WordsAreVerbPathsOverridesAndFlags) {
  const Arguments a = parse_arguments(words("train --json a.yaml train.lr=3e-4 run.dir=/x/y --warm-start b/c --quiet"));
  EXPECT_EQ(a.verb, "train");
  EXPECT_EQ(a.paths, std::vector<std::filesystem::path>{"a.yaml"});
  EXPECT_EQ(a.overrides, (std::vector<std::string>{"train.lr=3e-4", "run.dir=/x/y"}));
  EXPECT_EQ(a.warm_start, "b/c");
  EXPECT_TRUE(a.json);
  EXPECT_TRUE(a.quiet);
  EXPECT_FALSE(a.resume);
}

TEST(Arguments, AFileNameMayHoldAnEqualsSign) {
  EXPECT_EQ(parse_arguments(words("inspect data/a=b.nc")).paths.size(), 1u);
}

TEST(Arguments, FlagsTakeTheirValueInEitherForm) {
  EXPECT_EQ(parse_arguments(words("score a b --allow=weights --allow regions")).allow,
            (std::vector<std::string>{"weights", "regions"}));
}

TEST(Arguments, MistakesHaveCodes) {
  EXPECT_EQ(code_of("trian x.yaml"), "UnknownVerb");
  EXPECT_EQ(code_of("train x.yaml --fast"), "UnknownFlag");
  EXPECT_EQ(code_of("train x.yaml --fork"), "FlagWithoutValue");
  EXPECT_EQ(code_of("train x.yaml --json=yes"), "FlagWithoutValue");
  EXPECT_EQ(code_of("train x.yaml --verify"), "WrongFlag");
  EXPECT_EQ(code_of("forecast x.yaml --resume"), "WrongFlag");
}

TEST(Arguments, MistakesNameTheNearest) {
  try {
    parse_arguments(words("trian"));
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_STREQ(e.what(), "[cli] unknown verb trian. Hint: did you mean train?");
  }
}

TEST(Help, NamesPurposeKeysExamplesAndExitCodes) {
  for (const Command& c : all_commands()) {
    const std::string text = command_help(c);
    for (const char* part : {"Examples:", "Flags:", "Exit codes:", "  0  done"})
      EXPECT_NE(text.find(part), std::string::npos) << c.name << " " << part;
    for (std::string_view example : c.examples) EXPECT_NE(text.find(example), std::string::npos);
    EXPECT_EQ(text.find("  3  stopped") != std::string::npos, c.can_stop) << c.name;
  }
  const std::string train = command_help(*find_command("train"));
  EXPECT_NE(train.find("train.lr"), std::string::npos);
  EXPECT_NE(train.find("number, default 0.0005"), std::string::npos);
  EXPECT_EQ(train.find("score.metrics"), std::string::npos);
}

TEST(Help, EveryExampleCanBeParsed) {
  for (const Command& c : all_commands())
    for (std::string_view example : c.examples) {
      auto list = words(std::string(example));
      ASSERT_EQ(list.front(), "pear");
      list.erase(list.begin());
      EXPECT_EQ(parse_arguments(list).verb, c.name) << example;
    }
}

TEST(Help, EverySectionBelongsToSomeVerb) {
  std::set<std::string> shown;
  for (const Command& c : all_commands()) shown.insert(c.sections.begin(), c.sections.end());
  for (const KeyInfo& k : list_keys<forecast::ConfigFile>())
    EXPECT_TRUE(shown.contains(k.key.substr(0, k.key.find('.')))) << k.key;
}

TEST(Keys, EveryOneIsDocumented) {
  for (const KeyInfo& k : list_keys<forecast::ConfigFile>()) EXPECT_FALSE(k.doc.empty()) << k.key;
}

TEST(Report, ErrorsHaveKindsAndExitCodes) {
  const Failure usage =
      describe(ConfigError("UnknownKey", "config", {.what = "a", .expected = "b", .found = "c", .hint = "d"}));
  EXPECT_EQ(usage.exit_code, 2);
  EXPECT_EQ(usage.status, "usage");
  EXPECT_EQ(usage.error["code"], "UnknownKey");
  EXPECT_EQ(usage.error["expected"], "b");
  EXPECT_EQ(usage.error["hint"], "d");
  EXPECT_EQ(describe(DataError("X", "io", {.what = "a"})).exit_code, 1);
  EXPECT_EQ(describe(StoppedBySignal("stopped")).exit_code, 3);
  EXPECT_EQ(describe(std::bad_alloc()).error["code"], "OutOfMemory");
  EXPECT_EQ(describe(std::runtime_error("odd")).error["code"], "InternalError");
}

TEST(Report, HasTheDocumentedMembers) {
  const nlohmann::json done = report("train", CommandResult{.result = {{"a", 1}}, .outputs = {"x/y"}});
  for (const char* member : {"verb", "status", "exit_code", "outputs", "warnings", "error", "result", "provenance"})
    EXPECT_TRUE(done.contains(member)) << member;
  EXPECT_EQ(done.size(), 8u);
  EXPECT_EQ(done["status"], "done");
  EXPECT_EQ(done["outputs"][0], "x/y");
  EXPECT_TRUE(done["error"].is_null());
  const nlohmann::json failed = report("train", describe(DataError("X", "io", {.what = "a"})));
  EXPECT_EQ(failed["status"], "failed");
  EXPECT_EQ(failed["exit_code"], 1);
  EXPECT_EQ(failed["error"]["code"], "X");
}

TEST(RunConfig, DefaultsAreValid) {
  forecast::RunConfig config;
  EXPECT_NO_THROW(read_config(config, {}));
}

TEST(RunConfig, UnknownGridNamesTheKey) {
  forecast::RunConfig config;
  try {
    read_config(config, {.overrides = {"grid=hexagons:3"}});
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_NE(std::string(e.what()).find("command line: grid: "), std::string::npos) << e.what();
  }
}

TEST(RunConfig, DeviceIsChecked) {
  forecast::RunConfig config;
  EXPECT_THROW(read_config(config, {.overrides = {"run.device=gpu"}}), ConfigError);
  EXPECT_THROW(read_config(config, {.overrides = {"run.device=cuda:x"}}), ConfigError);
  EXPECT_NO_THROW(read_config(config, {.overrides = {"run.device=cuda:1"}}));
}

}  // namespace
}  // namespace pear::cli
