#include "sphere/attention/checkpoint.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <mutex>
#include <utility>

namespace pear::sphere {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Random-number states of the devices that a function may draw from.
class RandomState {
 public:
  explicit RandomState(const torch::Device& device) {
    add(torch::kCPU);
    if (!device.is_cpu()) add(device);
  }
  void restore() const {
    for (auto [generator, state] : states_) {
      const std::lock_guard lock(generator.mutex());
      generator.set_state(state);
    }
  }

 private:
  void add(const torch::Device& device) {
    auto generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard lock(generator.mutex());
    states_.emplace_back(generator, generator.get_state());
  }
  std::vector<std::pair<at::Generator, torch::Tensor>> states_;
};

/// Autocast of one device type, which is a property of the thread; the backward pass may run in another one.
struct AutocastState {
  torch::DeviceType type;
  bool on;
  torch::ScalarType dtype;

  static AutocastState of(torch::DeviceType type) {
    return {type, at::autocast::is_autocast_enabled(type), at::autocast::get_autocast_dtype(type)};
  }
  void restore() const {
    at::autocast::set_autocast_enabled(type, on);
    at::autocast::set_autocast_dtype(type, dtype);
    // A cast made without gradients must not serve a graph, nor the other way round.
    at::autocast::clear_cache();
  }
};

/// What the second run needs besides tensors.
struct Frame : torch::CustomClassHolder {
  Frame(std::function<torch::Tensor(const torch::Tensor&)> f, const torch::Device& device)
      : function(std::move(f)), random(device), autocast(AutocastState::of(device.type())) {}
  std::function<torch::Tensor(const torch::Tensor&)> function;
  RandomState random;
  AutocastState autocast;
};

/// The states of a frame for the life of this object.
class Replay {
 public:
  explicit Replay(const Frame& frame, const torch::Device& device)
      : random_before_(device), autocast_before_(AutocastState::of(device.type())) {
    frame.random.restore();
    frame.autocast.restore();
  }
  ~Replay() {
    autocast_before_.restore();
    random_before_.restore();
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

 private:
  RandomState random_before_;
  AutocastState autocast_before_;
};

struct Recompute : torch::autograd::Function<Recompute> {
  static torch::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Frame>& frame, const torch::Tensor& x,
                               at::TensorList parameters) {
    variable_list kept{x};
    kept.insert(kept.end(), parameters.begin(), parameters.end());
    context->save_for_backward(std::move(kept));
    context->saved_data["frame"] = c10::IValue::make_capsule(frame);
    auto y = frame->function(x);
    if (frame->autocast.on) at::autocast::clear_cache();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto frame = c10::static_intrusive_pointer_cast<Frame>(context->saved_data["frame"].toCapsule());
    variable_list inputs = context->get_saved_variables();
    const bool needs_x = inputs[0].requires_grad();
    inputs[0] = inputs[0].detach().requires_grad_(needs_x);
    const Replay replay(*frame, inputs[0].device());
    const torch::AutoGradMode with_gradients(true);
    const auto y = frame->function(inputs[0]);
    variable_list wanted;
    for (const auto& input : inputs)
      if (input.requires_grad()) wanted.push_back(input);
    const auto found = torch::autograd::grad({y}, wanted, gradients, std::nullopt, /*create_graph=*/false,
                                             /*allow_unused=*/true);
    variable_list out(1);  // the frame has no gradient
    size_t next = 0;
    for (const auto& input : inputs) out.push_back(input.requires_grad() ? found[next++] : torch::Tensor());
    return out;
  }
};

}  // namespace

torch::Tensor checkpointed(const std::function<torch::Tensor(const torch::Tensor&)>& function, const torch::Tensor& x,
                           const std::vector<torch::Tensor>& parameters) {
  if (!torch::GradMode::is_enabled()) return function(x);
  return Recompute::apply(c10::make_intrusive<Frame>(function, x.device()), x, at::TensorList(parameters));
}

}  // namespace pear::sphere
