#include "model_times.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <cmath>
#include <vector>

#include "fornax/cuda/memory.h"
#include "fornax/fornax.h"
#include "measure.h"

namespace fornax::bench {
namespace {

amp::Autocast autocast(const ModelRun& run) {
  return amp::Autocast(run.device.type, run.dtype == f16 ? f16 : bf16, run.dtype != f32);
}

/// Some class for each row of logits.
Tensor labels_for(const Tensor& logits) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < logits.size(0); ++i) numbers.push_back(i * 37 % logits.size(1));
  return from_span<std::int64_t>(numbers, {logits.size(0)}).to(logits.device());
}

double checked(double value, std::string_view what) {
  if (!std::isfinite(value))
    throw InternalError("benchmark", fmt::format("expected a finite {}, got {}", what, value));
  return value;
}

}  // namespace

double seconds_of_training(nn::Layer& model, const Tensor& inputs, const ModelRun& run) {
  optim::SGD optimizer(model.named_parameters(), {.lr = 1e-3, .momentum = 0.9, .weight_decay = 1e-4});
  Tensor labels, loss;
  const auto step = [&] {
    {
      const amp::Autocast guard = autocast(run);
      const Tensor y = model(inputs), logits = y.reshape({-1, y.size(-1)});
      if (!labels.defined()) labels = labels_for(logits);
      loss = cross_entropy(logits, labels);
    }
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  };
  step();
  const double before = checked(loss.item(), "loss");
  const double seconds = seconds_of(step, run.seconds, run.device);
  const double after = checked(loss.item(), "loss");
  if (after >= before)
    throw InternalError("benchmark", fmt::format("expected the loss to fall from {}, got {}", before, after));
  return seconds;
}

double seconds_of_inference(nn::Layer& model, const Tensor& inputs, const ModelRun& run) {
  const NoGrad no_grad;
  model.eval();
  Tensor y;
  const auto step = [&] {
    const amp::Autocast guard = autocast(run);
    y = {};  // its memory is the next result's
    y = model(inputs);
  };
  const double seconds = seconds_of(step, run.seconds, run.device);
  checked(sum(y.to(f64)).item(), "sum of results");
  return seconds;
}

double peak_memory_mb(Device device) {
  if (!device.is_cpu()) return static_cast<double>(cuda::memory_stats(device).peak_in_use) * 0x1p-20;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace fornax::bench
