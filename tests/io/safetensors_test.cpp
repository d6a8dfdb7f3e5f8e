#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "base/error.h"
#include "base/files.h"
#include "tests/base/scratch_folder.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;

class Safetensors : public test::ScratchFolder {
 protected:
  /// A file with this header and `data` bytes of content.
  fs::path raw(const std::string& header, size_t data, int64_t length = -1) {
    std::string bytes(8, '\0');
    const auto n = length >= 0 ? static_cast<uint64_t>(length) : header.size();
    for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>((n >> (8 * i)) & 0xFF);
    return put("raw.safetensors", bytes + header + std::string(data, 'x'));
  }
  std::string code(const fs::path& path) {
    try {
      read_safetensors(path);
    } catch (const Error& e) {
      return e.code();
    }
    return "no error";
  }
};

TEST_F(Safetensors, GiveBackEveryTypeShapeAndText) {
  SafetensorsFile file;
  file.metadata = {{"format", "pt"}, {"note", "ümlaut \"quoted\""}};
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64,
                          torch::kInt32, torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool})
    file.tensors[std::string("t.") + c10::toString(type)] = (torch::arange(12) % 5).reshape({3, 4}).to(type);
  file.tensors["scalar"] = torch::tensor(2.5);
  file.tensors["empty"] = torch::zeros({0, 3});
  file.tensors["transposed"] = torch::arange(6, torch::kFloat32).reshape({2, 3}).t();
  write_safetensors(folder / "a.safetensors", file);
  const SafetensorsFile back = read_safetensors(folder / "a.safetensors");
  EXPECT_EQ(back.metadata, file.metadata);
  ASSERT_EQ(back.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    ASSERT_TRUE(back.tensors.contains(name)) << name;
    EXPECT_EQ(back.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(back.tensors.at(name).sizes(), tensor.sizes()) << name;
    EXPECT_TRUE(torch::equal(back.tensors.at(name), tensor)) << name;
  }
  const auto header = read_safetensors_header(folder / "a.safetensors");
  EXPECT_EQ(header.tensors.at("t.BFloat16").dtype, "BF16");
  EXPECT_EQ(header.data_start % 8, 0u);
}

TEST_F(Safetensors, RefuseEveryKindOfDamage) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(code(raw(good, 8)), "no error");
  EXPECT_EQ(code(folder / "absent"), "FileNotFound");
  EXPECT_EQ(code(put("short", "abc")), "TruncatedFile");
  EXPECT_EQ(code(raw(good, 8, 5000)), "TruncatedFile");               // header longer than the file
  EXPECT_EQ(code(raw(good, 8, int64_t{1} << 40)), "BadSafetensors");  // absurd header length
  EXPECT_EQ(code(raw(good, 7)), "TruncatedFile");
  EXPECT_EQ(code(raw(good, 9)), "BadSafetensors");
  EXPECT_EQ(code(raw("{\"a\":", 8)), "BadSafetensors");
  EXPECT_EQ(code(raw("[1]", 8)), "BadSafetensors");
  EXPECT_EQ(code(raw(R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", 8)), "BadSafetensors");
  EXPECT_EQ(code(raw(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8)), "BadSafetensors");
  EXPECT_EQ(code(raw(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8)), "BadSafetensors");
  EXPECT_EQ(code(raw(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8)), "BadSafetensors");
  EXPECT_EQ(code(raw(R"({"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}})", 16)),
            "BadSafetensors");  // size overflows 64 bits
  EXPECT_EQ(
      code(raw(R"({"a":{"dtype":"F32","shape":[0,4611686018427387904,4611686018427387904],"data_offsets":[0,0]}})", 0)),
      "BadSafetensors");  // no bytes, but strides that overflow
  const std::string deep(100000, '[');
  EXPECT_EQ(
      code(
          raw(R"({"a":{"dtype":"F32","shape":[)" + deep + std::string(100000, ']') + R"(],"data_offsets":[0,8]}})", 8)),
      "BadSafetensors");  // printing it would use up the stack
  EXPECT_EQ(code(raw(R"({"a":{"dtype":"F32","shape":[2]}})", 8)), "BadSafetensors");
  EXPECT_EQ(code(raw(R"({"__metadata__":{"n":5}})", 0)), "BadSafetensors");
  const std::string b = R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":)";
  const std::string a = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  EXPECT_EQ(code(raw(a + b + "[8,12]}}", 12)), "no error");
  EXPECT_EQ(code(raw(a + b + "[4,8]}}", 12)), "BadSafetensors");    // overlap
  EXPECT_EQ(code(raw(a + b + "[12,16]}}", 16)), "BadSafetensors");  // gap
  EXPECT_EQ(code(raw(a + R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})", 12)), "BadSafetensors");
}

TEST_F(Safetensors, CutAnywhereAreAnError) {
  write_safetensors(folder / "a", {.metadata = {}, .tensors = {{"w", torch::ones({5, 7})}, {"b", torch::ones({3})}}});
  const std::string bytes = read_text(folder / "a");
  for (size_t n = 0; n < bytes.size(); n += 3) EXPECT_NE(code(put("cut", bytes.substr(0, n))), "no error") << n;
}

TEST_F(Safetensors, AFailedWriteKeepsTheOldFile) {
  write_safetensors(folder / "a", {.metadata = {}, .tensors = {{"w", torch::ones({2})}}});
  EXPECT_THROW(
      write_safetensors(folder / "a", {.metadata = {}, .tensors = {{"w", torch::ones({2}, torch::kComplexFloat)}}}),
      DataError);
  EXPECT_THROW(write_safetensors(folder / "none" / "a", {}), DataError);
  EXPECT_TRUE(torch::equal(read_safetensors(folder / "a").tensors.at("w"), torch::ones({2})));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

}  // namespace
}  // namespace pear::io
