// Which precision matrix products have.
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/types.h>

namespace pear::forecast {

/// bfloat16 arithmetic in matrix products for the life of this object; weights stay float32.
class Autocast {
 public:
  Autocast(torch::DeviceType type, bool on) : type_(type), before_(at::autocast::is_autocast_enabled(type)) {
    at::autocast::set_autocast_enabled(type_, on);
    if (on) at::autocast::set_autocast_dtype(type_, torch::kBFloat16);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(type_, before_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  torch::DeviceType type_;
  bool before_;
};

}  // namespace pear::forecast
