// Every error of make_weights, apply and weight files by its code.
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "regrid/vector.h"
#include "regrid/weight_file.h"
#include "tests/base/scratch_folder.h"
#include "tests/regrid/fields.h"

namespace pear::regrid {
namespace {

using sphere::Grid;

template <class E, class F>
std::string code_of(F&& action) {
  try {
    action();
  } catch (const E& e) {
    return e.code();
  }
  return "no error";
}

Weights small() {
  return make_weights(Grid::from_spec("latlon:19x36+poles"), Grid::from_spec("healpix:2"), Method::Conservative);
}

TEST(Errors, OfGrids) {
  const Grid s = Grid::from_spec("latlon:19x36+poles");
  EXPECT_EQ(code_of<ConfigError>([&] { make_weights(s, Grid::from_spec("healpix:16384"), Method::Nearest); }),
            "UnknownGrid");
  EXPECT_EQ(code_of<ConfigError>([] { Grid::from_spec("healpix:12"); }), "NestedNeedsPowerOfTwo");
  EXPECT_EQ(code_of<ConfigError>([] { Grid::from_spec("sphere:12"); }), "UnknownGrid");
  const Grid part = Grid::from_spec("latlon:11x11+area=10/0/0/10");
  for (const char* target : {"healpix:4", "latlon:19x36+poles"})
    EXPECT_EQ(code_of<DataError>([&] { make_weights(part, Grid::from_spec(target), Method::Conservative); }),
              "NotGlobal");
}

TEST(Errors, OfValues) {
  const Weights w = small();
  const auto cells = static_cast<size_t>(w.source.num_cells()), targets = static_cast<size_t>(w.target.num_cells());
  std::vector<double> x(2 * cells, 1.0), y(2 * targets);
  x[cells + 7] = std::numeric_limits<double>::quiet_NaN();
  try {
    apply_weights(w, std::span<const double>(x), std::span<double>(y), 2);
    ADD_FAILURE() << "NaN without a policy was taken";
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "NonFiniteInput");
    EXPECT_NE(std::string(e.what()).find("field 1"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("cell 7"), std::string::npos) << e.what();
  }
  EXPECT_EQ(code_of<ShapeError>([&] { apply_weights(w, std::span<const double>(x), std::span<double>(y), 1); }),
            "SizeMismatch");
  EXPECT_EQ(code_of<ShapeError>([&] {
              apply_vector(w, std::span<const double>(x), std::span<const double>(x).first(cells), std::span<double>(y),
                           std::span<double>(y), 2);
            }),
            "SizeMismatch");
  EXPECT_EQ(code_of<ConfigError>([] { missing_policy_from_string("sometimes"); }), "UnknownPolicy");
}

using WeightFiles = test::ScratchFolder;

TEST_F(WeightFiles, AreRefusedWhenDamaged) {
  const auto path = folder / "w";
  small().save(path);
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (size_t length : {size_t{0}, size_t{10}, size_t{64}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    EXPECT_EQ(code_of<DataError>([&] { Weights::load(path); }), "WeightsCorrupt") << length << " bytes";
  }
  // The checksum is right but the matrix is not: indices are checked as well.
  Weights bad = small();
  bad.column[3] = 100000;
  EXPECT_EQ(code_of<DataError>([&] { deserialise(serialise(bad), "memory"); }), "WeightsCorrupt");
  bad = small();
  std::swap(bad.row_start[1], bad.row_start[2]);
  EXPECT_EQ(code_of<DataError>([&] { deserialise(serialise(bad), "memory"); }), "WeightsCorrupt");
  EXPECT_EQ(code_of<DataError>([&] { Weights::load(folder / "absent"); }), "FileNotFound");
}

TEST(WeightFile, HostileHeadersAreRefusedWithTheRightChecksum) {
  const std::string whole = serialise(small());
  const std::string sound = whole.substr(0, whole.find('\n'));
  const std::string arrays = whole.substr(sound.size(), whole.size() - sound.size() - 64);
  const auto code = [&](const std::string& header) {
    const std::string bytes = header + arrays;
    return code_of<DataError>([&] { deserialise(bytes + sha256_hex(bytes), "memory"); });
  };
  const auto changed = [&](const char* key, const nlohmann::json& value) {
    auto header = nlohmann::json::parse(sound);
    header[key] = value;
    return header.dump();
  };
  for (const std::string& header :
       {std::string("5"), std::string(100000, '['), std::string("{}"), changed("format", 5), changed("rows", "many"),
        changed("rows", 18446744073709551615u), changed("rows", 2305843009213693951u), changed("rows", -1),
        changed("links", 1537228672809129302u), changed("method", "magic"), changed("method", 1), changed("source", {}),
        changed("source", {{"spec", "healpix:0"}}), changed("target", {{"spec", "healpix:64"}}),
        changed("source", {{"spec", "x"}, {"lat", {1, 2}}, {"lon", {0}}})})
    EXPECT_EQ(code(header), "WeightsCorrupt") << header.substr(0, 200);
  const std::string empty;
  EXPECT_EQ(code_of<DataError>([&] { deserialise(sha256_hex(empty), "memory"); }), "WeightsCorrupt");
}

}  // namespace
}  // namespace pear::regrid
