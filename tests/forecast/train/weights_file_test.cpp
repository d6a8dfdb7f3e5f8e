// A file of weights as the whole model: what comes out is the network of the configuration, applied once.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "forecast/model/published_names.h"
#include "forecast/train/dataset.h"
#include "forecast/train/session.h"
#include "forecast/train/trained_model.h"
#include "io/safetensors.h"
#include "tests/forecast/train/toy_run.h"
#include "tests/support/caught.h"

namespace pear::forecast {
namespace {

using pear::testing::caught;
using testing::RunFolder;

/// A PEAR without blocks, whose value a page of loops can compute.
ModelConfig shallow_model() { return testing::toy_model({"depths=[0, 0, 0, 0]", "output=state"}); }

/// Every weight a formula of its place, so that an exchange of names or places changes the result.
TensorMap analytic_weights(const Network& network) {
  TensorMap tensors = export_published(network);
  double phase = 0;
  for (auto& [name, tensor] : tensors) {
    phase += 0.7;
    tensor = (0.3 * torch::sin(0.37 * torch::arange(tensor.numel(), torch::kFloat64) + phase))
                 .add(name.find("norm.weight") != std::string::npos ? 1.0 : 0.0)
                 .to(torch::kFloat32)
                 .view(tensor.sizes());
  }
  return tensors;
}

using Row = std::vector<double>;
using Rows = std::vector<Row>;

/// Values of one tensor, row-major.
Row values(const TensorMap& tensors, const std::string& name) {
  const auto t = tensors.at(name).to(torch::kFloat64).contiguous();
  return {t.data_ptr<double>(), t.data_ptr<double>() + t.numel()};
}

/// y_o = sum_i w[o][i] x_i
Row linear(const Row& x, const Row& w) {
  Row y(w.size() / x.size(), 0.0);
  for (size_t o = 0; o < y.size(); ++o)
    for (size_t i = 0; i < x.size(); ++i) y[o] += w[o * x.size() + i] * x[i];
  return y;
}

Row layer_norm(const Row& x, const Row& weight, const Row& bias) {
  double mean = 0, square = 0;
  for (double v : x) mean += v / static_cast<double>(x.size());
  for (double v : x) square += (v - mean) * (v - mean) / static_cast<double>(x.size());
  Row y;
  for (size_t i = 0; i < x.size(); ++i) y.push_back((x[i] - mean) / std::sqrt(square + 1e-5) * weight[i] + bias[i]);
  return y;
}

/// Two surface fields [2][P] -> [2][P]: patches of four cells, four tokens to one, norm, one token to four, skip.
Rows shallow_network(const Rows& x, const TensorMap& w) {
  constexpr size_t kPatch = 4, kFields = 2;
  const Row bias = values(w, "patch_embed.proj_surface.bias");
  Rows tokens;
  for (size_t t = 0; t < x[0].size() / kPatch; ++t) {
    Row patch;
    for (size_t f = 0; f < kFields; ++f)
      for (size_t i = 0; i < kPatch; ++i) patch.push_back(x[f][t * kPatch + i]);
    tokens.push_back(linear(patch, values(w, "patch_embed.proj_surface.weight")));
    for (size_t c = 0; c < bias.size(); ++c) tokens.back()[c] += bias[c];
  }
  Rows y(kFields, Row(x[0].size()));
  const Row out_weight = values(w, "final_up.conv_surface.weight"), out_bias = values(w, "final_up.conv_surface.bias");
  for (size_t coarse = 0; coarse < tokens.size() / 4; ++coarse) {
    Row joined;
    for (size_t k = 0; k < 4; ++k)
      joined.insert(joined.end(), tokens[4 * coarse + k].begin(), tokens[4 * coarse + k].end());
    Row z = linear(layer_norm(joined, values(w, "downsample.norm.weight"), values(w, "downsample.norm.bias")),
                   values(w, "downsample.reduction.weight"));
    z = layer_norm(z, values(w, "norm.weight"), values(w, "norm.bias"));
    const Row expanded = linear(z, values(w, "upsample.expand.weight"));
    const size_t channels = expanded.size() / 4;
    for (size_t k = 0; k < 4; ++k) {
      const Row child(expanded.begin() + static_cast<std::ptrdiff_t>(k * channels),
                      expanded.begin() + static_cast<std::ptrdiff_t>((k + 1) * channels));
      const Row fine = linear(layer_norm(child, values(w, "upsample.norm.weight"), values(w, "upsample.norm.bias")),
                              values(w, "upsample.linear.weight"));
      Row both = tokens[4 * coarse + k];  // the skip comes first
      both.insert(both.end(), fine.begin(), fine.end());
      for (size_t f = 0; f < kFields; ++f)
        for (size_t i = 0; i < kPatch; ++i) {
          double sum = out_bias[f];
          for (size_t c = 0; c < both.size(); ++c) sum += both[c] * out_weight[(c * kFields + f) * kPatch + i];
          y[f][(4 * coarse + k) * kPatch + i] = sum;
        }
    }
  }
  return y;
}

TEST(WeightsFile, AForecastWithoutNormalisationIsTheNetworkAppliedOnce) {
  const RunFolder dir("weights_once");
  TrainRequest request = testing::toy_request(dir / "run");
  request.model = shallow_model();
  request.data.normalisation = "none";
  const auto layout = layout_from_store(request.data, *request.store);
  const auto tensors = analytic_weights(*make_network(request.model, layout));
  request.model.weights = Path((dir / "w.safetensors").string());
  io::write_safetensors(dir / "w.safetensors", {.metadata = {}, .tensors = tensors});
  const auto model = model_from_weights(request.model, request.data, *request.store);
  const Time start = parse_time("2018-10-02");
  const Dataset set(request.store, layout, request.data.train, request.data, "train");
  const auto state = set.channels_at(start);
  Rows x(2);
  for (int64_t f = 0; f < 2; ++f)
    for (int64_t p = 0; p < state.size(1); ++p) x[static_cast<size_t>(f)].push_back(state[f][p].item<double>());
  const Rows expected = shallow_network(x, tensors);
  const auto found = model->step(State::from_channels(state.unsqueeze(0), layout), start).surface[0];
  double scale = 0, worst = 0;
  for (int64_t f = 0; f < 2; ++f)
    for (int64_t p = 0; p < state.size(1); ++p) {
      const double y = expected[static_cast<size_t>(f)][static_cast<size_t>(p)];
      scale = std::max(scale, std::abs(y));
      worst = std::max(worst, std::abs(found[f][p].item<double>() - y));
    }
  EXPECT_GT(scale, 0.1);
  EXPECT_LT(worst, 1e-4 * scale);  // float32 against float64; layer norms divide by small deviations
}

TEST(WeightsFile, WeightsOnlyTakesAFileWithEitherNamesAndTheRunGoesOnWithoutIt) {
  const RunFolder dir("weights_only_file");
  for (const bool published : {false, true}) {
    TrainRequest request = testing::toy_request(dir / (published ? "published" : "own"));
    const auto source = make_network(request.model, layout_from_store(request.data, *request.store));
    auto tensors = analytic_weights(*source);
    import_weights(*source, tensors, "test");
    if (!published) {
      tensors.clear();
      for (const auto& item : source->named_parameters()) tensors[item.key()] = item.value().detach();
    }
    const auto file = dir / "w.safetensors";
    io::write_safetensors(file, {.metadata = {}, .tensors = tensors});
    request.mode = StartMode::WeightsOnly;
    request.start_path = file;
    const Session s = make_session(request);
    const auto expected = source->named_parameters();
    for (const auto& entry : s.parameters->entries()) {
      EXPECT_TRUE(FlatParameters::view_of(s.parameters->values(), entry).equal(expected[entry.name])) << entry.name;
      EXPECT_TRUE(FlatParameters::view_of(s.ema->average(), entry).equal(expected[entry.name])) << entry.name;
    }
    EXPECT_EQ(s.progress.step, 0);
    EXPECT_EQ(s.parent.at("weights"), "w.safetensors");
    request.train.stop_at_step = 1;
    train(request);
    std::filesystem::remove(file);
    request.mode = StartMode::Resume;
    request.start_path.clear();
    request.train.stop_at_step = 2;
    EXPECT_EQ(train(request).steps, 2);
  }
}

TEST(WeightsFile, EveryMissingSurplusAndMisshapenTensorIsNamedAtOnce) {
  const RunFolder dir("weights_misfit");
  TrainRequest request = testing::toy_request(dir / "run");
  auto tensors = analytic_weights(*make_network(request.model, layout_from_store(request.data, *request.store)));
  tensors.erase("norm.bias");
  tensors["head.weight"] = torch::zeros({3});
  tensors["norm.weight"] = torch::zeros({5});
  io::write_safetensors(dir / "w.safetensors", {.metadata = {}, .tensors = tensors});
  request.mode = StartMode::WeightsOnly;
  request.start_path = dir / "w.safetensors";
  const auto e = caught([&] { make_session(request); });
  EXPECT_EQ(e.code(), "WeightMismatch");
  for (const char* part : {"missing norm.bias", "surplus head.weight [3]", "norm.weight has shape [5], expected [16]"})
    EXPECT_NE(e.detail().found.find(part), std::string::npos) << e.what();
}

}  // namespace
}  // namespace pear::forecast
