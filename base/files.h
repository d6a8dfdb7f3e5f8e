// Text files, atomic replacement, checksums and free space.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace pear {

/// Whole file as bytes. Errors: DataError `FileNotFound`, `ReadFailed`.
std::string read_text(const std::filesystem::path& path);

/// Replaces `path` in one step (temporary file, fsync, rename): readers see the old or the new content.
/// Errors: DataError `WriteFailed`.
void write_file_atomic(const std::filesystem::path& path, std::string_view content);

/// A file that gets its final name only when it is complete.
///
/// Usage:   write to `temporary()` with any library, close it, then `commit()`.
/// Errors:  commit throws DataError `WriteFailed`; without commit the destructor removes the temporary.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path final_path);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& temporary() const { return temporary_; }
  const std::filesystem::path& final_path() const { return final_; }
  void commit();

 private:
  void discard() noexcept;
  std::filesystem::path final_, temporary_;
};

/// Asks the kernel to bring a file or a directory's entries to the disk. Errors: DataError `WriteFailed`.
void sync_path(const std::filesystem::path& path);

/// Lower-case hex SHA-256 of bytes / of a file's content.
std::string sha256_hex(std::string_view bytes);
std::string sha256_file(const std::filesystem::path& path);

/// Creates the directory if needed and proves that a file can be made in it.
/// Errors: DataError `NotWritable`.
void ensure_writable_directory(const std::filesystem::path& path);

/// Whether this user may make files in an existing folder; changes nothing.
bool is_writable_directory(const std::filesystem::path& path);

/// Bytes free for this user on the file system of `path` (or of its nearest existing parent).
std::uintmax_t free_space(const std::filesystem::path& path);

}  // namespace pear
