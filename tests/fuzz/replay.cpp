// Driver without libFuzzer: the files named on the command line (a crash to reproduce), or else the seeds and a fixed
// number of damaged copies of them, so that the targets stay sound under every compiler.
#include <fmt/format.h>

#include <random>

#include "base/files.h"
#include "base/log.h"
#include "tests/fuzz/target.h"

namespace {

constexpr int kDamagedCopies = 300;

/// Some bytes changed, a piece cut out or repeated.
std::string damaged(std::string bytes, std::mt19937& random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  for (size_t k = 0, changes = 1 + below(3); k < changes && !bytes.empty(); ++k) {
    const size_t at = below(bytes.size()), length = 1 + below(std::min<size_t>(16, bytes.size() - at));
    switch (random() % 3) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, length);
        break;
      default:
        bytes.insert(below(bytes.size()), bytes.substr(at, length));
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  pear::set_log_options({.verbosity = pear::Verbosity::Quiet, .verb = "fuzz"});
  for (int i = 1; i < argc; ++i) pear::fuzz::decode_or_refuse(pear::read_text(argv[i]));
  if (argc > 1) return 0;
  std::mt19937 random(1);
  const auto seeds = pear::fuzz::seeds();
  for (const std::string& seed : seeds) {
    try {
      pear::fuzz::decode(seed);
    } catch (const pear::Error& e) {
      fmt::print(stderr, "a seed that is refused shows nothing: {}\n", e.what());
      return 1;
    }
    for (int k = 0; k < kDamagedCopies; ++k) pear::fuzz::decode_or_refuse(damaged(seed, random));
  }
  fmt::print("{} seeds and {} damaged copies of each\n", seeds.size(), kDamagedCopies);
  return seeds.empty() ? 1 : 0;
}
