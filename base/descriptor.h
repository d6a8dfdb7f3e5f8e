// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

namespace pear {

/// Owns what `::open` returned, also a failed -1: check `get()` and `errno` right after the call.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace pear
