// A build without ecCodes says so.
#include <gtest/gtest.h>

#include "tests/base/scratch_folder.h"
#include "tests/io/layout_field.h"

namespace pear::io::layouts {
namespace {

class WithoutEccodes : public test::ScratchFolder {};

TEST_F(WithoutEccodes, GribFilesAreRecognisedAndRefusedWithAHint) {
  std::string message;
  EXPECT_EQ(refusal(put("a.nc", "GRIB\1\1\1\2 and so on"), &message), "UnsupportedBuild");
  EXPECT_NE(message.find("a.nc"), std::string::npos) << message;
  EXPECT_NE(message.find("PEAR_GRIB=ON"), std::string::npos) << message;
}

}  // namespace
}  // namespace pear::io::layouts
