// Entry points of libFuzzer. With PEAR_FUZZ_SEEDS=FOLDER the program writes the target's seeds there and ends.
#include <cstddef>
#include <cstdint>

#include "base/log.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  pear::set_log_options({.verbosity = pear::Verbosity::Quiet, .verb = "fuzz"});
  const char* folder = std::getenv("PEAR_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  size_t count = 0;
  for (const std::string& seed : pear::fuzz::seeds())
    std::ofstream(std::filesystem::path(folder) / ("seed_" + std::to_string(count++)), std::ios::binary) << seed;
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pear::fuzz::decode_or_refuse({reinterpret_cast<const char*>(data), size});
  return 0;
}
