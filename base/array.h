// Dense array: shape + contiguous 64-byte aligned buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace pear {

/// Product of extents; 1 for an empty shape (a scalar).
int64_t num_elements(std::span<const int64_t> shape);

/// "[2, 3, 4]", for messages.
std::string shape_string(std::span<const int64_t> shape);

/// Owning row-major array of trivially copyable elements. Move-only; copies are spelled `clone()`.
///
/// Shapes:  any rank; the last dim is contiguous. The buffer is 64-byte aligned.
/// Errors:  ShapeError on a negative extent or when `reshape` changes the number of elements.
template <class T>
class Array {
 public:
  Array() = default;
  /// Allocates without initialising.
  explicit Array(std::vector<int64_t> shape) : shape_(std::move(shape)), size_(num_elements(shape_)) {
    if (size_ > 0) data_.reset(static_cast<T*>(::operator new(static_cast<size_t>(size_) * sizeof(T), kAlignment)));
  }
  Array(std::vector<int64_t> shape, T value) : Array(std::move(shape)) {
    for (T& x : span()) x = value;
  }
  Array(Array&& other) noexcept
      : shape_(std::exchange(other.shape_, {})), size_(std::exchange(other.size_, 0)), data_(std::move(other.data_)) {}
  Array& operator=(Array&& other) noexcept {
    shape_ = std::exchange(other.shape_, {});
    size_ = std::exchange(other.size_, 0);
    data_ = std::move(other.data_);
    return *this;
  }

  Array clone() const {
    Array copy(shape_);
    for (int64_t i = 0; i < size_; ++i) copy[i] = (*this)[i];
    return copy;
  }
  void reshape(std::vector<int64_t> shape) {
    if (num_elements(shape) != size_)
      throw ShapeError("SizeMismatch", "base.array",
                       {.what = "reshape of " + shape_string(shape_) + " to " + shape_string(shape)});
    shape_ = std::move(shape);
  }

  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t dim(size_t i) const { return shape_.at(i); }
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::span<T> span() { return {data_.get(), static_cast<size_t>(size_)}; }
  std::span<const T> span() const { return {data_.get(), static_cast<size_t>(size_)}; }
  T& operator[](int64_t i) { return data_.get()[i]; }
  const T& operator[](int64_t i) const { return data_.get()[i]; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* p) const { ::operator delete(p, kAlignment); }
  };
  std::vector<int64_t> shape_;
  int64_t size_ = 0;
  std::unique_ptr<T, Free> data_;
};

}  // namespace pear
