#include "forecast/train/synchronise.h"

#include <string_view>
#include <vector>

#include "base/files.h"

namespace pear::forecast {
namespace {

std::vector<torch::Tensor> buffers_of(const Session& s) {
  std::vector<torch::Tensor> buffers{s.parameters->values()};
  if (s.ema && !s.state_folder) buffers.push_back(s.ema->average());
  return buffers;
}

}  // namespace

std::string digest_of(const std::vector<torch::Tensor>& buffers, const std::string& text) {
  std::string digests = text;
  for (const auto& buffer : buffers) {
    const auto host = buffer.detach().cpu().contiguous();
    digests += sha256_hex({static_cast<const char*>(host.data_ptr()), static_cast<size_t>(host.nbytes())});
  }
  return sha256_hex(digests);
}

void synchronise(Session& session, DataAxis& axis) {
  if (axis.size() == 1) return;
  const nlohmann::json definition{{"config", defining_config(session.request)},
                                  {"checkpoint_every", session.request.checkpoint.every_steps},
                                  {"checkpoint_async", session.request.checkpoint.async},
                                  {"stop_at_step", session.request.train.stop_at_step},
                                  {"reproducible", session.request.reproducible},
                                  {"data", session.store->fingerprint()},
                                  {"layout", json_from_layout(session.layout)},
                                  {"normaliser", session.normaliser->to_json()}};
  axis.require_equal(sha256_hex(definition.dump()), "configuration, data or normalisation");
  std::string text = nlohmann::json{{"progress", json_from_progress(session.progress)},
                                    {"step", session.progress.step},
                                    {"num_updates", session.optimizer->num_updates()}}
                         .dump();
  axis.broadcast(text);
  if (axis.rank() != 0) {
    const auto state = nlohmann::json::parse(text);
    session.progress = progress_from_json(state.at("progress"));
    session.progress.step = state.at("step").get<int64_t>();
    session.optimizer->set_num_updates(state.at("num_updates").get<int64_t>());
  }
  const auto buffers = buffers_of(session);
  for (const auto& buffer : buffers) axis.broadcast(buffer);
  axis.require_equal(digest_of(buffers, text), "weights at the start");
}

}  // namespace pear::forecast
