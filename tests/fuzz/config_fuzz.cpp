// The configuration reader (base/config): YAML text, then overrides, separated by zero bytes.
#include <cstdlib>
#include <map>
#include <optional>

#include "base/config/reader.h"
#include "base/config/writer.h"
#include "tests/fuzz/target.h"

namespace pear::fuzz {
namespace {

struct Inner {
  std::string name;
  int64_t count = 1;
  double lr = 1e-3;
  bool shuffle = true;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name, {.doc = "name", .choices = {"", "constant", "cosine"}});
    visit("count", count, {.doc = "how many", .unit = "B"});
    visit("lr", lr, {.doc = "rate", .unit = "hPa"});
    visit("shuffle", shuffle, {.doc = "random order"});
  }
};

/// Every type of field.
struct Outer {
  Path store;
  Time from;
  Duration every;
  TimeSelection times;
  std::vector<Inner> sources;
  std::optional<Inner> extra;
  std::map<std::string, Inner> named;
  std::vector<double> numbers;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("store", store, {.doc = "folder"});
    visit("from", from, {.doc = "first time"});
    visit("every", every, {.doc = "step"});
    visit("times", times, {.doc = "times"});
    visit("sources", sources, {.doc = "list"});
    visit("extra", extra, {.doc = "may be absent"});
    visit("named", named, {.doc = "by name"});
    visit("numbers", numbers, {.doc = "numbers"});
  }
};

}  // namespace

std::vector<std::string> seeds() {
  using namespace std::string_literals;
  setenv("PEAR_FUZZ_FOLDER", "/somewhere", 1);
  put("base.yaml", "every: 6h\n");
  return {
      "store: ${PEAR_FUZZ_FOLDER}/x\nfrom: 2019-01-01T12\nevery: 6h\ntimes: {start: 2019-01-01, end: 2019-01-10, every: 1d}\n"s,
      "times: [2019-01-01, 2019-01-02T06]\nsources:\n  - {name: cosine, count: 4MiB, lr: 3e-4 hPa}\n  - name: \"\"\n"s,
      "extra: {shuffle: false}\nnamed:\n  a: &a {count: 3}\n  b: *a\nnumbers: [1, 2.5, 1e3]\n\0extra=null\0named.c.count=7\0numbers=[1]"s,
      "extends: base.yaml\n"s};
}

void decode(std::string_view input) {
  const size_t end = input.find('\0');
  const std::string_view yaml = input.substr(0, end);
  if (yaml.find('/') != std::string_view::npos && yaml.find("extends") != std::string_view::npos)
    return;  // a file of this machine would be named
  ConfigInput config{.file = put("config.yaml", yaml), .overrides = {}};
  while (input.find('\0') != std::string_view::npos) {
    input.remove_prefix(input.find('\0') + 1);
    config.overrides.emplace_back(input.substr(0, input.find('\0')));
  }
  Outer outer, again;
  const ConfigOrigins origins = read_config(outer, config);
  resolved_values(bind_field(outer), origins);
  put("again.yaml", to_yaml(outer));
  read_config(again, {.file = scratch_folder() / "again.yaml", .overrides = {}});
  require(to_yaml(again) == to_yaml(outer), "a configuration survives its text");
}

}  // namespace pear::fuzz
