#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"

namespace pear {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void write_failed(const fs::path& path, const char* step, int error) {
  throw DataError("WriteFailed", "base.files",
                  {.what = fmt::format("{}: {} failed ({})", path.string(), step, std::strerror(error)),
                   .hint = error == ENOSPC ? "free some disk space" : ""});
}

// Unique among processes (pid) and threads (counter); a leading dot keeps it out of listings.
fs::path temporary_name(const fs::path& final_path) {
  static std::atomic<uint64_t> counter{0};
  return final_path.parent_path() /
         fmt::format(".{}.tmp-{}-{}", final_path.filename().string(), ::getpid(), counter.fetch_add(1));
}

fs::path parent_or_here(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    PEAR_ASSERT(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void update(std::string_view bytes) {
    PEAR_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    PEAR_ASSERT(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    std::string text;
    for (unsigned char byte : digest) text += fmt::format("{:02x}", byte);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::ifstream open_for_reading(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    throw DataError("ReadFailed", "base.files", {.what = path.string() + " is a directory", .expected = "a file"});
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw DataError(fs::exists(path, ignored) ? "ReadFailed" : "FileNotFound", "base.files",
                    {.what = fmt::format("cannot open {} ({})", path.string(), std::strerror(errno))});
  return in;
}

}  // namespace

std::string read_text(const fs::path& path) {
  std::ifstream in = open_for_reading(path);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) throw DataError("ReadFailed", "base.files", {.what = "reading " + path.string() + " failed"});
  return text;
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  {
    Descriptor fd(::open(file.temporary().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (fd.get() < 0) write_failed(path, "creating the temporary file", errno);
    while (!content.empty()) {
      const ssize_t n = ::write(fd.get(), content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) write_failed(path, "writing", errno);
      content.remove_prefix(static_cast<size_t>(n));
    }
  }
  file.commit();
}

AtomicFile::AtomicFile(fs::path final_path) : final_(std::move(final_path)), temporary_(temporary_name(final_)) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : final_(std::move(other.final_)), temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    discard();
    final_ = std::move(other.final_);
    temporary_ = std::exchange(other.temporary_, {});
  }
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (temporary_.empty()) return;
  std::error_code ignored;
  fs::remove(temporary_, ignored);
  temporary_.clear();
}

void AtomicFile::commit() {
  sync_path(temporary_);
  if (::rename(temporary_.c_str(), final_.c_str()) != 0) write_failed(final_, "renaming the temporary file", errno);
  temporary_.clear();
  sync_path(parent_or_here(final_));
}

void sync_path(const fs::path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) write_failed(path, "opening for fsync", errno);
  // Some file systems cannot sync directories and answer EINVAL: there is nothing to wait for then.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) write_failed(path, "fsync", errno);
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 sha;
  sha.update(bytes);
  return sha.hex();
}

std::string sha256_file(const fs::path& path) {
  std::ifstream in = open_for_reading(path);
  Sha256 sha;
  std::string buffer(1 << 20, '\0');
  while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0)
    sha.update({buffer.data(), static_cast<size_t>(in.gcount())});
  if (in.bad()) throw DataError("ReadFailed", "base.files", {.what = "reading " + path.string() + " failed"});
  return sha.hex();
}

void ensure_writable_directory(const fs::path& path) {
  const auto refuse = [&](const std::string& why) {
    throw DataError("NotWritable", "base.files",
                    {.what = fmt::format("cannot write to folder {} ({})", path.string(), why),
                     .hint = "choose another folder or change its permissions"});
  };
  std::error_code error;
  fs::create_directories(path, error);
  if (error) refuse(error.message());
  if (!fs::is_directory(path, error)) refuse("not a folder");
  const fs::path probe = temporary_name(path / "probe");
  Descriptor fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() < 0) refuse(std::strerror(errno));
  ::unlink(probe.c_str());
}

bool is_writable_directory(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) && ::access(path.c_str(), W_OK | X_OK) == 0;
}

std::uintmax_t free_space(const fs::path& path) {
  fs::path at = fs::absolute(path);
  std::error_code error;
  while (!fs::exists(at, error) && at.has_parent_path() && at != at.parent_path()) at = at.parent_path();
  const fs::space_info info = fs::space(at, error);
  if (error)
    throw DataError("ReadFailed", "base.files",
                    {.what = fmt::format("free space of {} is unknown ({})", at.string(), error.message())});
  return info.available;
}

}  // namespace pear
