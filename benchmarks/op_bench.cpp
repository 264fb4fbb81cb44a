// Time, GB/s and GFLOP/s of ops at the sizes of ResNet-50. Each result is first held against the same op in
// f64.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fornax/fornax.h"
#include "measure.h"
#include "peak.h"

namespace fornax::bench {
namespace {

struct Case {
  std::string op;
  std::vector<Tensor> inputs;  // in f32
  std::function<Tensor(std::span<const Tensor>)> run;
  double flops = 0;  // of forward
  /// Inputs that stay in f32 next to 16-bit ones.
  std::vector<bool> wide = {};
  bool backward = false;  // measure the gradients of all inputs instead
};

std::vector<Tensor> cast(const Case& c, DType dtype, Device device) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const Tensor input = c.inputs[i].to(device);
    const bool keeps = !is_floating(input.dtype()) || (is_16bit(dtype) && !c.wide.empty() && c.wide[i]);
    inputs.push_back(keeps ? input : input.to(dtype));
  }
  return inputs;
}

/// One case in one dtype, ready to be called.
class Call {
 public:
  Call(const Case& c, DType dtype, Device device) : Call(c, cast(c, dtype, device)) {}
  Call(const Case& c, std::vector<Tensor> inputs) : case_(c), inputs_(std::move(inputs)) {
    if (!c.backward) return;
    for (Tensor& input : inputs_)
      if (is_floating(input.dtype())) input = input.detach().set_requires_grad();
    y_ = c.run(inputs_);
    dy_ = numbers(y_.shape()).to(y_.device()).to(y_.dtype()).to(y_.suggested_format());
  }

  void operator()() {
    if (!case_.backward) {
      const NoGrad no_grad;
      y_ = {};  // its memory is the next result's
      y_ = case_.run(inputs_);
      return;
    }
    for (Tensor& input : inputs_)
      if (input.requires_grad()) input.set_grad({});
    y_.backward(dy_, /*retain_graph=*/true);
  }

  /// What a call computes: y, or the gradients.
  std::vector<Tensor> results() const {
    if (!case_.backward) return {y_};
    std::vector<Tensor> grads;
    for (const Tensor& input : inputs_)
      if (input.requires_grad()) grads.push_back(input.grad());
    return grads;
  }
  /// Operands and results once: the least that can move.
  double bytes() const {
    double sum = 0;
    const auto count = [&](const Tensor& tensor) {
      if (tensor.defined())
        sum += static_cast<double>(tensor.numel()) * static_cast<double>(size_of(tensor.dtype()));
    };
    for (const Tensor& input : inputs_) count(input);
    for (const Tensor& result : results()) count(result);
    count(dy_);
    return sum;
  }

 private:
  const Case& case_;
  std::vector<Tensor> inputs_;
  Tensor y_, dy_;
};

/// The largest difference from f64 on the same inputs, relative to the largest value.
double error_of(const Case& c, DType dtype, Device device) {
  std::vector<Tensor> exact = cast(c, dtype, device);
  for (Tensor& input : exact)
    if (is_floating(input.dtype())) input = input.to(f64);
  Call got(c, dtype, device), want(c, std::move(exact));
  got();
  want();
  double worst = 0;
  for (std::size_t i = 0; i < got.results().size(); ++i) {
    const std::vector<double> a = got.results()[i].detach().to(f64).to(Device::cpu()).to_vector<double>();
    const std::vector<double> b = want.results()[i].detach().to(f64).to(Device::cpu()).to_vector<double>();
    double difference = 0, largest = 1e-30;
    for (std::size_t k = 0; k < a.size(); ++k) {
      difference = std::isfinite(a[k]) ? std::max(difference, std::abs(a[k] - b[k])) : INFINITY;
      largest = std::max(largest, std::abs(b[k]));
    }
    worst = std::max(worst, difference / largest);
  }
  return worst;
}

std::string shapes_of(const Case& c) {
  std::string text;
  for (const Tensor& input : c.inputs) text += (text.empty() ? "" : " ") + to_string(input.shape());
  return text;
}

struct ConvShape {
  std::int64_t in, out, kernel, stride, size, groups = 1;
};

void add_convolutions(std::vector<Case>& cases, std::int64_t batch) {
  for (const ConvShape& s : {ConvShape{3, 64, 7, 2, 224},
                             {64, 64, 3, 1, 56},
                             {256, 64, 1, 1, 56},
                             {64, 256, 1, 1, 56},
                             {128, 128, 3, 2, 56},
                             {128, 128, 3, 1, 28},
                             {128, 128, 3, 1, 28, 32},  // of ResNeXt-50
                             {256, 256, 3, 1, 14},
                             {1024, 256, 1, 1, 14},
                             {512, 512, 3, 1, 7},
                             {512, 2048, 1, 1, 7}}) {
    const std::int64_t out_size = (s.size - 1) / s.stride + 1;
    const Conv2dParams params{.stride = s.stride, .padding = s.kernel / 2, .groups = s.groups};
    const Tensor x = numbers({batch, s.in, s.size, s.size}).to(MemoryFormat::channels_last);
    const Tensor w = numbers({s.out, s.in / s.groups, s.kernel, s.kernel}).to(MemoryFormat::channels_last);
    const Tensor dy = numbers({batch, s.out, out_size, out_size}).to(MemoryFormat::channels_last);
    const std::int64_t multiplications = w.numel() / s.out;  // per output
    const double flops = 2.0 * static_cast<double>(dy.numel() * multiplications);
    cases.push_back({"conv2d", {x, w}, [=](auto in) { return conv2d(in[0], in[1], {}, params); }, flops});
    cases.push_back({"conv2d_grad_weight",
                     {dy, x},
                     [=](auto in) {
                       return conv2d_grad_weight(in[0], in[1], w.shape(), params,
                                                 MemoryFormat::channels_last);
                     },
                     flops});
    if (s.in == 3) continue;  // nobody asks for the gradient of images
    cases.push_back({"conv2d_grad_input",
                     {dy, w},
                     [=](auto in) { return conv2d_grad_input(in[0], in[1], x.shape(), params); },
                     flops});
  }
}

void add_batch_norms(std::vector<Case>& cases, std::int64_t batch) {
  for (const auto& [channels, size] :
       {std::pair<std::int64_t, std::int64_t>{64, 112}, {256, 56}, {512, 28}, {1024, 14}, {2048, 7}}) {
    const Tensor x = numbers({batch, channels, size, size}).to(MemoryFormat::channels_last);
    const Tensor weight = numbers({channels}, 0.5f, 1.5f), bias = numbers({channels}, 0, 1);
    const auto run = [](auto in) {
      return batch_norm_act(
          in[0], in[1], in[2], {}, {},
          {.training = true, .activation = Activation::relu, .residual = in.size() > 3 ? in[3] : Tensor()});
    };
    for (const bool backward : {false, true}) {
      const std::string suffix = backward ? "_backward" : "";
      cases.push_back({"batch_norm_relu" + suffix, {x, weight, bias}, run, 0, {false, true, true}, backward});
      cases.push_back({"batch_norm_add_relu" + suffix,
                       {x, weight, bias, x},
                       run,
                       0,
                       {false, true, true, false},
                       backward});
    }
  }
}

/// Square ones, the classifier's, and those of a transformer's block of 512 features for sequences of 128.
void add_products(std::vector<Case>& cases, std::int64_t batch) {
  const auto add = [&](const Shape& a, const Shape& b) {
    const double flops = 2.0 * static_cast<double>(a.product() * b[b.rank() - 1]);
    cases.push_back(
        {"matmul", {numbers(a), numbers(b)}, [](auto in) { return matmul(in[0], in[1]); }, flops});
  };
  for (const std::int64_t n : {256, 512, 1024, 2048, 4096}) add({n, n}, {n, n});
  add({8 * batch, 128, 64}, {8 * batch, 64, 128});
  add({8 * batch, 128, 128}, {8 * batch, 128, 64});
  struct Layer {
    std::int64_t rows, in, out;
  };
  for (const Layer& l : {Layer{batch, 2048, 1000}, {128 * batch, 512, 2048}, {128 * batch, 2048, 512}})
    cases.push_back({"linear",
                     {numbers({l.rows, l.in}), numbers({l.out, l.in}), numbers({l.out})},
                     [](auto in) { return linear(in[0], in[1], in[2]); },
                     2.0 * static_cast<double>(l.rows * l.in * l.out)});
}

std::vector<Case> all_cases(std::int64_t batch, Device device) {
  std::vector<Case> cases;
  const Tensor map = numbers({batch, 256, 56, 56}).to(MemoryFormat::channels_last);
  cases.push_back({"clone", {map}, [](auto in) { return in[0].clone(); }});
  cases.push_back({"add", {map, map}, [](auto in) { return in[0] + in[1]; }});
  cases.push_back({"relu", {map}, [](auto in) { return relu(in[0]); }});
  cases.push_back({"sum", {map}, [](auto in) { return sum(in[0], {0, 2, 3}); }});
  const Tensor stem = numbers({batch, 64, 112, 112}).to(MemoryFormat::channels_last);
  const Tensor last = numbers({batch, 2048, 7, 7}).to(MemoryFormat::channels_last);
  for (const bool backward : {false, true}) {
    const std::string suffix = backward ? "_backward" : "";
    cases.push_back({"max_pool2d" + suffix,
                     {stem},
                     [](auto in) { return max_pool2d(in[0], 3, {.stride = 2, .padding = 1}); },
                     0,
                     {},
                     backward});
    cases.push_back({"global_avg_pool2d" + suffix,
                     {last},
                     [](auto in) { return global_avg_pool2d(in[0]); },
                     0,
                     {},
                     backward});
  }
  add_batch_norms(cases, batch);
  add_convolutions(cases, batch);
  add_products(cases, batch);
  cases.push_back({"softmax", {numbers({1024, 1000}, -5, 5)}, [](auto in) { return softmax(in[0], 1); }});
  const Tensor images = numbers({batch, 3, 224, 224}, 0, 256).to(u8).to(MemoryFormat::channels_last);
  const Tensor half = numbers({3}, 0.25f, 0.5f).to(device);
  cases.push_back(
      {"normalize_images", {images}, [half](auto in) { return normalize_images(in[0], half, half); }});
  return cases;
}

struct Options {
  std::string filter;
  DType dtype;
  std::int64_t batch;
  double seconds;
  Device device;
};

nlohmann::json run(const Options& options) {
  const auto& [filter, dtype, batch, seconds, device] = options;
  nlohmann::json results = nlohmann::json::array();
  const double most_gflop = peak_gflops(dtype, device), most_gb = peak_gb_per_s(device);
  fmt::print(
      "A loop of multiply-adds reaches {:.0f} GFLOP/s, a large copy {:.1f} GB/s: fractions are of these.\n",
      most_gflop, most_gb);
  fmt::print("{:<28} {:>10} {:>8} {:>5} {:>9} {:>5}  shapes\n", "op", "us", "GB/s", "", "GFLOP/s", "");
  for (const Case& c : all_cases(batch, device)) {
    if (c.op.find(filter) == std::string::npos) continue;
    const double error = error_of(c, dtype, device);
    if (!(error < (is_16bit(dtype) ? 0.05 : 1e-4)))
      throw InternalError(c.op, fmt::format("expected what f64 gives, got a relative error of {}", error));
    Call call(c, dtype, device);
    const double time = seconds_of(call, seconds, device);
    const double gb = call.bytes() / time * 1e-9, gflop = c.flops / time * 1e-9;
    fmt::print("{:<28} {:>10.1f} {:>8.2f} {:>5.2f} {:>9.1f} {:>5.2f}  {}\n", c.op, time * 1e6, gb,
               gb / most_gb, gflop, gflop / most_gflop, shapes_of(c));
    results.push_back({{"op", c.op},
                       {"shapes", shapes_of(c)},
                       {"dtype", name_of(dtype)},
                       {"device", to_string(device)},
                       {"threads", num_threads()},
                       {"seconds", time},
                       {"gb_per_s", gb},
                       {"fraction_of_bandwidth", gb / most_gb},
                       {"gflop_per_s", gflop},
                       {"fraction_of_peak", gflop / most_gflop}});
  }
  return results;
}

}  // namespace
}  // namespace fornax::bench

int main(int argc, char** argv) {
  CLI::App app{"Times Fornax's ops: on the CPU call by call, on a GPU in sequence by its own clock"};
  std::string json, filter, dtype = "f32", device = "cpu";
  std::int64_t batch = 16;
  int threads = 0;
  double seconds = 0.2;
  app.add_option("--json", json, "write the results here");
  app.add_option("--filter", filter, "only ops whose name has this in it");
  app.add_option("--device", device)->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
  app.add_option("--dtype", dtype, "of the operands")->check(CLI::IsMember({"f32", "bf16", "f16"}));
  app.add_option("--batch", batch, "images")->check(CLI::PositiveNumber);
  app.add_option("--threads", threads, "default: all cores")->check(CLI::PositiveNumber);
  app.add_option("--seconds", seconds, "spent on each op, at least");
  CLI11_PARSE(app, argc, argv);
  try {
    if (threads > 0) fornax::set_num_threads(threads);
    const nlohmann::json results =
        fornax::bench::run({.filter = filter,
                            .dtype = dtype == "bf16"  ? fornax::bf16
                                     : dtype == "f16" ? fornax::f16
                                                      : fornax::f32,
                            .batch = batch,
                            .seconds = seconds,
                            .device = device == "cuda" ? fornax::Device::cuda() : fornax::Device::cpu()});
    if (!json.empty()) fornax::bench::write_json(json, results);
  } catch (const std::exception& error) {
    fmt::print(stderr, "op_bench: {}\n", error.what());
    return 1;
  }
}
