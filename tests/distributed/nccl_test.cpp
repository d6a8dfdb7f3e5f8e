#include <gtest/gtest.h>

#include "base/build_config.h"
#include "base/error.h"
#include "distributed/nccl_backend.h"

namespace pear::distributed {
namespace {

TEST(Nccl, WithoutAGpuTheStartIsRefusedWithAReason) {
  const auto world = open_communicator({});
  try {
    open_nccl_communicator(*world, -1);
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_TRUE(e.code() == "NoGpu" || e.code() == "NoNccl") << e.what();
    EXPECT_NE(std::string(e.what()).find("parallel.backend"), std::string::npos) << e.what();
    EXPECT_EQ(e.code() == "NoNccl", nccl_version() == "none");
  }
}

TEST(Nccl, OneGpuStartsAndEnds) {
  const auto world = open_communicator({});
  std::unique_ptr<Communicator> nccl;
  try {
    nccl = open_nccl_communicator(*world, 0);
  } catch (const Error& e) {
    GTEST_SKIP() << "needs a GPU and NCCL: " << e.what();
  }
  EXPECT_EQ(nccl->backend(), "nccl");
  EXPECT_EQ(nccl->memory(), Memory::Device);
  EXPECT_EQ(nccl->size(), 1);
}

}  // namespace
}  // namespace pear::distributed
