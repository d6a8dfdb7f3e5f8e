#include <cstdlib>
#include <limits>

#include "base/config/reader.h"
#include "base/config/writer.h"
#include "base/error.h"
#include "tests/base/scratch_folder.h"

namespace pear {
namespace {

struct Source {
  std::string name;
  int64_t count = 1;
  bool operator==(const Source&) const = default;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name, {.doc = "name of the source"});
    visit("count", count, {.doc = "how many"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const {
    if (count < 1) issues.add(path + ".count", "must be at least 1", "Use 1");
  }
};

struct Train {
  double lr = 5e-4;
  int64_t epochs = 200;
  bool shuffle = true;
  std::string schedule = "constant";
  int64_t memory = 1024;
  double limit = 850;
  std::vector<double> betas{0.9, 0.999};
  std::map<std::string, double> weights;
  std::optional<Duration> lead;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("lr", lr, {.doc = "peak learning rate"});
    visit("epochs", epochs, {.doc = "passes over the data"});
    visit("shuffle", shuffle, {.doc = "draw in random order"});
    visit("schedule", schedule, {.doc = "learning rate over time", .choices = {"constant", "cosine"}});
    visit("memory", memory, {.doc = "largest buffer", .unit = "B"});
    visit("limit", limit, {.doc = "pressure", .unit = "hPa"});
    visit("betas", betas, {.doc = "moments"});
    visit("weights", weights, {.doc = "weight by name"});
    visit("lead", lead, {.doc = "lead time"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const {
    if (lr <= 0) issues.add(path + ".lr", "must be positive");
  }
};

struct Tree {
  std::string name = "run";
  Path store;
  Time from{0};
  Duration every{6 * 3600};
  TimeSelection times;
  std::vector<std::string> variables;
  std::vector<Source> sources;
  std::optional<Source> extra;
  std::map<std::string, Source> named;
  Train train;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name, {.doc = "name of the run"});
    visit("store", store, {.doc = "folder"});
    visit("from", from, {.doc = "first time"});
    visit("every", every, {.doc = "step"});
    visit("times", times, {.doc = "times"});
    visit("variables", variables, {.doc = "variables", .choices = {"z", "t", "u10"}});
    visit("sources", sources, {.doc = "sources"});
    visit("extra", extra, {.doc = "one more source"});
    visit("named", named, {.doc = "sources by name"});
    visit("train", train, {.doc = "training"});
  }
};

class Config : public test::ScratchFolder {
 protected:
  Tree read(const std::string& yaml, std::vector<std::string> overrides = {}) {
    Tree tree;
    origins = read_config(tree, {.file = put("c.yaml", yaml), .overrides = std::move(overrides)});
    return tree;
  }
  /// "code message" of the error that `yaml` causes, with the folder's name cut out.
  std::string error(const std::string& yaml, std::vector<std::string> overrides = {}) {
    try {
      read(yaml, std::move(overrides));
    } catch (const ConfigError& e) {
      std::string text = e.code() + " " + e.what();
      for (size_t at; (at = text.find(folder.string() + "/")) != std::string::npos;)
        text.erase(at, folder.string().size() + 1);
      return text;
    }
    return "no error";
  }
  ConfigOrigins origins;
};

TEST_F(Config, EveryTypeIsRead) {
  const Tree t = read(
      "name: lite\n"
      "store: /data/x\n"
      "from: 2019-01-01T12\n"
      "every: 90min\n"
      "times: {start: 2007-01-01, end: 2007-01-03, every: 24}\n"
      "variables: [z, t]\n"
      "sources:\n  - {name: a}\n  - name: b\n    count: 2\n"
      "extra: {name: c}\n"
      "named: {first: {name: d, count: 4}}\n"
      "train:\n  lr: 3e-4\n  epochs: -7\n  shuffle: false\n  schedule: cosine\n  memory: 4GiB\n  limit: 500 hPa\n"
      "  betas: [1, .5]\n  weights: {z: 2}\n  lead: 10d\n");
  EXPECT_EQ(t.name, "lite");
  EXPECT_EQ(t.store.str(), "/data/x");
  EXPECT_EQ(format_time(t.from), "2019-01-01T12:00:00Z");
  EXPECT_EQ(t.every.seconds, 5400);
  EXPECT_EQ(t.times.times().size(), 3u);
  EXPECT_EQ(t.variables, (std::vector<std::string>{"z", "t"}));
  EXPECT_EQ(t.sources, (std::vector<Source>{{"a", 1}, {"b", 2}}));
  EXPECT_EQ(t.extra, (Source{"c", 1}));
  EXPECT_EQ(t.named.at("first"), (Source{"d", 4}));
  EXPECT_EQ(t.train.lr, 3e-4);
  EXPECT_EQ(t.train.epochs, -7);
  EXPECT_FALSE(t.train.shuffle);
  EXPECT_EQ(t.train.schedule, "cosine");
  EXPECT_EQ(t.train.memory, int64_t{4} << 30);
  EXPECT_EQ(t.train.limit, 500);
  EXPECT_EQ(t.train.betas, (std::vector<double>{1, 0.5}));
  EXPECT_EQ(t.train.weights.at("z"), 2);
  EXPECT_EQ(t.train.lead->seconds, 864000);
}

TEST_F(Config, TimesAreAPeriodAListOrOne) {
  EXPECT_EQ(read("times: [2019-01-03, 2019-01-01]\n").times.times().size(), 2u);
  EXPECT_EQ(read("times: 20190101\n").times.times(), std::vector<Time>{parse_time("2019-01-01")});
  EXPECT_EQ(error("times: {start: 2019-01-01}\n"), "MissingKey [config] c.yaml:1: times.end is missing.");
  EXPECT_EQ(error("times: {start: 2019-01-01, end: 2019-01-02, evry: 6h}\n"),
            "UnknownKey [config] c.yaml:1: unknown key times.evry. Did you mean times.every?");
}

TEST_F(Config, OneValueStandsForAListOfOne) {
  EXPECT_EQ(read("variables: z\n").variables, std::vector<std::string>{"z"});
}

TEST_F(Config, NullEmptiesPathsAndOptionals) {
  const Tree t =
      read("store: /x\nextra: {name: a}\ntrain: {lead: 6h}\n", {"store=null", "extra=null", "train.lead=null"});
  EXPECT_TRUE(t.store.empty());
  EXPECT_FALSE(t.extra);
  EXPECT_FALSE(t.train.lead);
}

TEST_F(Config, UnknownKeysNameTheNearestKnownOne) {
  EXPECT_EQ(error("train:\n  learning_rate: 3\n"),
            "UnknownKey [config] c.yaml:2: unknown key train.learning_rate. Did you mean train.lr?");
  EXPECT_EQ(error("train: {epcohs: 3}\n"),
            "UnknownKey [config] c.yaml:1: unknown key train.epcohs. Did you mean train.epochs?");
  EXPECT_EQ(error("trian: {lr: 3}\n"), "UnknownKey [config] c.yaml:1: unknown key trian. Did you mean train?");
  EXPECT_EQ(error("lr: 3\n"), "UnknownKey [config] c.yaml:1: unknown key lr. Did you mean train.lr?");
  EXPECT_EQ(error("sources: [{nme: a}]\n"),
            "UnknownKey [config] c.yaml:1: unknown key sources[0].nme. Did you mean sources[0].name?");
  EXPECT_EQ(error("qqqqqq: 3\n"), "UnknownKey [config] c.yaml:1: unknown key qqqqqq.");
}

TEST_F(Config, DuplicateKeysAreRefused) {
  EXPECT_EQ(error("train:\n  lr: 1\n  epochs: 2\n  lr: 3\n"),
            "DuplicateKey [config] c.yaml:4: duplicate key train.lr. It is also in line 2.");
}

TEST_F(Config, WrongTypesSayWhatWasExpectedAndFound) {
  EXPECT_EQ(error("train: {lr: fast}\n"), "WrongType [config] c.yaml:1: train.lr: expected a number, found fast.");
  EXPECT_EQ(error("train: {lr: [1]}\n"), "WrongType [config] c.yaml:1: train.lr: expected number, found a list.");
  EXPECT_EQ(error("train: {lr: \"3\"}\n"),
            "WrongType [config] c.yaml:1: train.lr: expected a number, found the text \"3\". Leave out the quotes.");
  EXPECT_EQ(error("train: {lr: .nan}\n"), "WrongType [config] c.yaml:1: train.lr: expected a number, found .nan.");
  EXPECT_EQ(error("train: {epochs: 1.5}\n"),
            "WrongType [config] c.yaml:1: train.epochs: expected a whole number, found 1.5.");
  EXPECT_EQ(error("train: {epochs: 99999999999999999999}\n"),
            "WrongType [config] c.yaml:1: train.epochs: expected a whole number, found 99999999999999999999.");
  EXPECT_EQ(error("train: {shuffle: 1}\n"),
            "WrongType [config] c.yaml:1: train.shuffle: expected true or false, found 1.");
  EXPECT_EQ(error("train: 3\n"), "WrongType [config] c.yaml:1: train: expected a section (map of keys), found 3.");
  EXPECT_EQ(error("variables: {z: 1}\n"),
            "WrongType [config] c.yaml:1: variables: expected a list [a, b, ...], found a map.");
  EXPECT_EQ(error("train: {weights: 3}\n"),
            "WrongType [config] c.yaml:1: train.weights: expected a map {name: value, ...}, found 3.");
  EXPECT_EQ(error("train:\n  lr:\n"), "WrongType [config] c.yaml:2: train.lr: expected number, found nothing.");
  EXPECT_EQ(
      error("train: {memory: 4GB2}\n"),
      "WrongType [config] c.yaml:1: train.memory: expected a size such as 4GiB, 500MB or a whole number of bytes, "
      "found 4GB2.");
  EXPECT_EQ(error("train: {limit: 5 Pa}\n"),
            "WrongType [config] c.yaml:1: train.limit: expected a number in hPa, found 5 Pa.");
  EXPECT_EQ(error("from: soon\n"),
            "WrongType [config] c.yaml:1: from: expected a UTC time such as 2019-01-01 or 2019-01-01T12, found soon.");
}

TEST_F(Config, YamlSurprisesAreRefused) {
  EXPECT_EQ(
      error("name: no\n"),
      "WrongType [config] c.yaml:1: name: expected text, found no. YAML reads no as a truth value; write \"no\".");
  EXPECT_EQ(error("name: 12:30:00\n"),
            "WrongType [config] c.yaml:1: name: expected text, found 12:30:00. YAML reads 12:30:00 as a number to the "
            "base 60; write \"12:30:00\".");
  EXPECT_EQ(error("name: 1e3\n"),
            "WrongType [config] c.yaml:1: name: expected text, found 1e3. YAML reads 1e3 as a number; write \"1e3\".");
  EXPECT_EQ(error("name: 0x1f\n").substr(0, 9), "WrongType");
  EXPECT_EQ(error("name: 012\n").substr(0, 9), "WrongType");
  EXPECT_EQ(error("train: {shuffle: yes}\n"),
            "WrongType [config] c.yaml:1: train.shuffle: expected true or false, found yes.");
  EXPECT_EQ(error("train: {epochs: 012}\n"),
            "WrongType [config] c.yaml:1: train.epochs: expected a whole number, found 012. A leading zero means octal "
            "to some "
            "YAML readers; leave it out.");
  EXPECT_EQ(error("every: 06:00\n"),
            "WrongType [config] c.yaml:1: every: expected a duration such as 6h, 10d, 90min or a whole number of "
            "hours, found "
            "06:00. Write hours and minutes as 6h or 90min.");
  EXPECT_EQ(read("name: \"no\"\n").name, "no");
  EXPECT_EQ(read("name: 2019-01-01\n").name, "2019-01-01");
  EXPECT_EQ(error("train: {lr: !!str 3}\n").substr(0, 7), "BadYaml");
}

TEST_F(Config, ChoicesAreListedWithTheNearest) {
  EXPECT_EQ(error("train: {schedule: cosin}\n"),
            "BadValue [config] c.yaml:1: train.schedule: expected one of constant, cosine, found cosin. Did you mean "
            "cosine?");
  EXPECT_EQ(error("variables: [z, q]\n"),
            "BadValue [config] c.yaml:1: variables[1]: expected one of z, t, u10, found q. Did you mean z?");
}

TEST_F(Config, SeveralMistakesAreReportedTogether) {
  EXPECT_EQ(error("train:\n  lrr: 3\n  epochs: x\n  lr: -1\nsources: [{count: 0}]\n", {"nam=x"}),
            "InvalidConfig [config] 5 mistakes\n"
            "  c.yaml:2: unknown key train.lrr. Did you mean train.lr?\n"
            "  c.yaml:3: train.epochs: expected a whole number, found x\n"
            "  c.yaml:4: train.lr: must be positive\n"
            "  c.yaml:5: sources[0].count: must be at least 1. Use 1\n"
            "  command line: unknown key nam. Did you mean name?");
}

TEST_F(Config, ValidationNamesTheLine) {
  EXPECT_EQ(error("train:\n  lr: 0\n"), "Invalid [config] c.yaml:2: train.lr: must be positive.");
  EXPECT_EQ(error("", {"train.lr=-1"}), "Invalid [config] command line: train.lr: must be positive.");
}

TEST_F(Config, TextThatIsNoYamlNamesLineAndColumn) {
  EXPECT_EQ(error("train:\n  lr: [1\n").substr(0, 30), "BadYaml [config] c.yaml:3:1: n");
  EXPECT_EQ(error("- a\n"), "WrongType [config] c.yaml:1: the file holds no sections: expected a map `section: …`.");
  EXPECT_EQ(error("a: &a [*a]\n").substr(0, 7), "BadYaml");
  EXPECT_EQ(error("name: a\n---\nname: b\n").substr(0, 7), "BadYaml");
  EXPECT_EQ(error(", name: a\n").substr(0, 7), "BadYaml");  // yaml-cpp 0.7 alone would never come back
}

TEST_F(Config, EmptyFileGivesDefaults) { EXPECT_EQ(to_yaml(read("# nothing\n")), to_yaml(Tree{})); }

TEST_F(Config, ExtendsMergesMapsAndReplacesLists) {
  put("model/base.yaml", "variables: [z, t]\ntrain: {lr: 1, epochs: 5, weights: {z: 2}}\n");
  const Tree t =
      read("extends: model/base.yaml\nvariables: [u10]\ntrain: {lr: 2, weights: {t: 3}}\n", {"train.weights.z=9"});
  EXPECT_EQ(t.variables, std::vector<std::string>{"u10"});
  EXPECT_EQ(t.train.lr, 2);
  EXPECT_EQ(t.train.epochs, 5);
  EXPECT_EQ(t.train.weights, (std::map<std::string, double>{{"t", 3}, {"z", 9}}));
  EXPECT_EQ(origins.of("train.epochs").text(), (folder / "model/base.yaml").string() + ":2");
  EXPECT_EQ(origins.of("train.lr").text(), (folder / "c.yaml").string() + ":3");
  EXPECT_EQ(origins.of("train.shuffle").text(), "default");
  EXPECT_EQ(origins.of("train.weights").text(), "command line");
}

TEST_F(Config, ExtendsWorksOnce) {
  put("a.yaml", "extends: b.yaml\n");
  EXPECT_EQ(error("extends: a.yaml\n"),
            "NestedExtends [config] a.yaml:1: a.yaml is itself extended by c.yaml, and extends works once. Name the "
            "last file of the "
            "chain directly.");
  EXPECT_EQ(error("extends: none.yaml\n"),
            "FileNotFound [config] config file none.yaml does not exist. Hint: it is named by extends in c.yaml:1.");
  EXPECT_EQ(error("extends: [a.yaml]\n"), "WrongType [config] c.yaml:1: extends: expected one file name.");
}

TEST_F(Config, MissingFileIsNamed) {
  Tree t;
  try {
    read_config(t, {.file = folder / "none.yaml"});
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code(), "FileNotFound");
  }
}

TEST_F(Config, OverridesAreYamlAndWin) {
  const Tree t =
      read("train: {lr: 1}\n", {"train.lr=3e-4", "variables=[z, t]", "train.betas=[1]", "name='2019'", "train.lr=7"});
  EXPECT_EQ(t.train.lr, 7);
  EXPECT_EQ(t.variables.size(), 2u);
  EXPECT_EQ(t.train.betas, std::vector<double>{1});
  EXPECT_EQ(t.name, "2019");
}

TEST_F(Config, BadOverridesAreRefused) {
  EXPECT_EQ(error("", {"train.lr"}),
            "BadOverride [config] command line: 'train.lr' is not an override. Write key.sub=value.");
  EXPECT_EQ(error("", {"=3"}).substr(0, 11), "BadOverride");
  EXPECT_EQ(error("", {"train..lr=3"}).substr(0, 11), "BadOverride");
  EXPECT_EQ(error("", {"train.lr=[3"}).substr(0, 7), "BadYaml");
  EXPECT_EQ(error("", {"extends=b.yaml"}).substr(0, 10), "UnknownKey");
  EXPECT_EQ(error("", {"train.lr.sub=3"}), "WrongType [config] command line: train.lr: expected number, found a map.");
}

TEST_F(Config, VariablesExpandInPathsOnly) {
  setenv("PEAR_CONFIG_TEST", "/data", 1);
  unsetenv("PEAR_CONFIG_UNSET");
  EXPECT_EQ(read("store: \"${PEAR_CONFIG_TEST}/a/${PEAR_CONFIG_TEST}\"\n").store.str(), "/data/a//data");
  EXPECT_EQ(read("name: \"${PEAR_CONFIG_TEST}\"\n").name, "${PEAR_CONFIG_TEST}");
  EXPECT_EQ(read("store: $HOME/x\n").store.str(), "$HOME/x");
  EXPECT_EQ(error("store: \"${PEAR_CONFIG_UNSET}/a\"\n").substr(0, 95),
            "UnsetVariable [config] c.yaml:1: store: expected the environment variable PEAR_CONFIG_UNSET to ");
  EXPECT_EQ(error("store: \"${PEAR\"\n").substr(0, 8), "BadValue");
  EXPECT_EQ(read("store: \"${PEAR_CONFIG_TEST:-runs}/a\"\n").store.str(), "/data/a");
  EXPECT_EQ(read("store: \"${PEAR_CONFIG_UNSET:-runs}/a${PEAR_CONFIG_UNSET:-}\"\n").store.str(), "runs/a");
  EXPECT_EQ(error("store: \"${:-runs}\"\n").substr(0, 8), "BadValue");
}

TEST_F(Config, WhatIsWrittenReadsBackTheSame) {
  Tree t;
  t.name = "no";
  t.store.value = "/a b/c:d#e\"f";
  t.from = parse_time("2019-01-01T12:30:15");
  t.every = Duration{61};
  t.times.period = Period{{0}, {864000}, hours(30)};
  t.variables = {"z", "u10"};
  t.sources = {{"yes", 2}, {"1e3", 3}, {"", 1}, {"null", 1}, {"12:30", 1}, {"a: b", 1}, {"[x", 1}, {"-", 1}};
  t.extra = Source{"~", 4};
  t.named["odd key: yes"] = {"ü\n\t", 5};
  t.train.lr = 0.1 + 0.2;
  t.train.limit = std::numeric_limits<double>::denorm_min();
  t.train.betas = {1e-300, 1e300, -0.5, 3};
  t.train.memory = std::numeric_limits<int64_t>::max();
  t.train.weights = {{"z", 2}};
  t.train.lead = hours(24);
  const std::string yaml = to_yaml(t);
  const Tree back = read(yaml);
  EXPECT_EQ(to_yaml(back), yaml);
  EXPECT_EQ(to_json_value(back), to_json_value(t));
  EXPECT_EQ(back.train.lr, t.train.lr);
  EXPECT_EQ(back.train.limit, t.train.limit);
  EXPECT_EQ(back.sources, t.sources);
  EXPECT_EQ(back.named, t.named);
  EXPECT_EQ(back.store, t.store);
  EXPECT_EQ(sha256_of_config(back), sha256_of_config(t));
  t.train.epochs += 1;
  EXPECT_NE(sha256_of_config(back), sha256_of_config(t));
}

TEST_F(Config, ResolvedValuesCarryTheirOrigin) {
  Tree t;
  const ConfigOrigins where = read_config(t, {.file = put("c.yaml", "\ntrain: {lr: 2}\n"), .overrides = {"name=x"}});
  std::map<std::string, std::string> lines;
  for (const ResolvedValue& v : resolved_values(bind_field(t), where)) lines[v.key] = v.value + " | " + v.origin;
  EXPECT_EQ(lines.at("train.lr"), "2 | " + (folder / "c.yaml").string() + ":2");
  EXPECT_EQ(lines.at("name"), "x | command line");
  EXPECT_EQ(lines.at("every"), "6h | default");
}

TEST(Keys, AreListedWithTypeDefaultUnitAndChoices) {
  std::map<std::string, KeyInfo> keys;
  for (const KeyInfo& k : list_keys<Tree>()) keys[k.key] = k;
  EXPECT_EQ(keys.at("train.lr").type, "number");
  EXPECT_EQ(keys.at("train.lr").default_text, "0.0005");
  EXPECT_EQ(keys.at("train.lr").doc, "peak learning rate");
  EXPECT_EQ(keys.at("train.memory").unit, "B");
  EXPECT_EQ(keys.at("train.schedule").choices, (std::vector<std::string>{"constant", "cosine"}));
  EXPECT_EQ(keys.at("train.lead").type, "duration or null");
  EXPECT_EQ(keys.at("variables").type, "list of text");
  EXPECT_EQ(keys.at("sources[].count").type, "integer");
  EXPECT_EQ(keys.at("named.<name>.count").type, "integer");
  EXPECT_EQ(keys.at("extra.count").type, "integer");
  EXPECT_EQ(keys.at("every").default_text, "6h");
  EXPECT_FALSE(keys.contains("train"));
}

TEST(Keys, ListingLeavesTheStructAsItWas) {
  Tree t;
  t.sources = {{"a", 2}};
  const std::string before = to_yaml(t);
  list_keys(bind_field(t));
  EXPECT_EQ(to_yaml(t), before);
}

}  // namespace
}  // namespace pear
