#include "base/files.h"

#include <sys/stat.h>

#include "base/error.h"
#include "tests/base/scratch_folder.h"

namespace pear {
namespace {

using Files = test::ScratchFolder;

size_t num_entries(const std::filesystem::path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// FIPS 180-2, appendix B.1 and B.3; the empty string from NIST's example values.
TEST(Sha256, AgreesWithThePublishedExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_F(Files, ShaOfAFileIsThatOfItsBytes) {
  // larger than one read buffer, so that the pieces are joined
  EXPECT_EQ(sha256_file(put("a.bin", std::string(3000001, 'a'))), sha256_hex(std::string(3000001, 'a')));
}

TEST_F(Files, AtomicWriteReplacesAndLeavesNothingElse) {
  const auto path = put("a.txt", "old");
  write_file_atomic(path, std::string("new\0text", 8));
  EXPECT_EQ(read_text(path), std::string("new\0text", 8));
  EXPECT_EQ(num_entries(folder), 1u);
}

TEST_F(Files, UncommittedFileDisappearsAndTheOldOneStays) {
  const auto path = put("a.txt", "old");
  {
    AtomicFile file(path);
    std::ofstream(file.temporary()) << "half";
    EXPECT_EQ(num_entries(folder), 2u);
  }
  EXPECT_EQ(read_text(path), "old");
  EXPECT_EQ(num_entries(folder), 1u);
}

TEST_F(Files, MovedAtomicFileCommitsOnce) {
  AtomicFile first(folder / "a.txt");
  std::ofstream(first.temporary()) << "x";
  AtomicFile second = std::move(first);
  second.commit();
  EXPECT_EQ(read_text(folder / "a.txt"), "x");
}

TEST_F(Files, CommitWithoutContentSaysWriteFailed) {
  AtomicFile file(folder / "a.txt");
  try {
    file.commit();
    FAIL();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "WriteFailed");
  }
}

TEST_F(Files, MissingFileIsNamed) {
  try {
    read_text(folder / "nowhere.txt");
    FAIL();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "FileNotFound");
    EXPECT_NE(std::string(e.what()).find("nowhere.txt"), std::string::npos);
  }
}

TEST_F(Files, ReadingAFolderIsRefused) { EXPECT_THROW(read_text(folder), DataError); }

TEST_F(Files, WritableFolderIsMadeWithItsParents) {
  ensure_writable_directory(folder / "a" / "b");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a" / "b"));
  EXPECT_EQ(num_entries(folder / "a" / "b"), 0u);
}

TEST_F(Files, FolderBelowAFileIsNotWritable) {
  put("a", "file");
  try {
    ensure_writable_directory(folder / "a" / "b");
    FAIL();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "NotWritable");
  }
}

TEST_F(Files, WritableIsAskedWithoutChangingAnything) {
  EXPECT_TRUE(is_writable_directory(folder));
  EXPECT_EQ(num_entries(folder), 0u);
  EXPECT_FALSE(is_writable_directory(folder / "absent"));
  EXPECT_FALSE(is_writable_directory(put("a.txt", "file")));
}

TEST_F(Files, FreeSpaceOfAFolderYetToBeMadeIsThatOfItsParent) { EXPECT_GT(free_space(folder / "not" / "yet"), 0u); }

}  // namespace
}  // namespace pear
