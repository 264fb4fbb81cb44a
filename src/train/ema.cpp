#include "fornax/train/ema.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/optim_step.h"

namespace fornax::train {
namespace {

constexpr const char* op = "ExponentialMovingAverage";

std::string key_of(const std::string& parameter) { return "parameters." + parameter; }

/// The rates with which sgd_step does a step of the average: with the parameter as its "gradient" it adds
/// (1 - decay) * (parameter - average).
SgdRates rates_of(double decay) { return {.lr = decay - 1, .weight_decay = -1}; }

}  // namespace

ExponentialMovingAverage::ExponentialMovingAverage(nn::Module& module, const EmaOptions& options)
    : options_(options) {
  if (!(options.decay >= 0 && options.decay <= 1 && options.warmup_gamma > 0 && options.warmup_power > 0))
    throw ValueError(op, fmt::format("expected a decay in [0, 1] and a warmup_gamma and warmup_power above "
                                     "0, got {}, {} and {}",
                                     options.decay, options.warmup_gamma, options.warmup_power));
  const NoGrad no_grad;
  for (const auto& [name, parameter] : module.named_parameters()) {
    const Tensor values = parameter.detach();
    const Tensor average = is_16bit(values.dtype()) ? values.to(f32) : values.clone();
    entries_.push_back({name, parameter, average});
  }
}

double ExponentialMovingAverage::decay() const {
  if (!options_.warmup) return options_.decay;
  const double at = 1 + static_cast<double>(updates_) / options_.warmup_gamma;
  return std::min(options_.decay, 1 - std::pow(at, -options_.warmup_power));
}

void ExponentialMovingAverage::update() {
  if (is_applied_) throw ValueError(op, "expected no update while the averages are applied, got one");
  const NoGrad no_grad;
  std::vector<SgdEntry> entries;
  entries.reserve(entries_.size());
  for (const Entry& entry : entries_)
    entries.push_back({.parameter = entry.average,
                       .gradient = entry.parameter.detach().to(entry.average.dtype()),
                       .momentum_buffer = {}});
  sgd_step(entries, rates_of(decay()), [this] {
    const SgdRates rates = rates_of(decay());
    ++updates_;
    return rates;
  });
  ++updates_;
}

ExponentialMovingAverage::Applied::Applied(ExponentialMovingAverage& ema) : ema_(ema) {
  if (ema.is_applied_) throw ValueError(op, "expected averages that are not applied yet, got others");
  const NoGrad no_grad;
  for (const Entry& entry : ema.entries_) before_.push_back(entry.parameter.detach().clone());
  ema.is_applied_ = true;
  for (Entry& entry : ema.entries_) entry.parameter.copy_(entry.average);
}

ExponentialMovingAverage::Applied::~Applied() {
  const NoGrad no_grad;
  ema_.is_applied_ = false;
  try {
    for (std::size_t i = 0; i < before_.size(); ++i) ema_.entries_[i].parameter.copy_(before_[i]);
  } catch (const std::exception&) {
    // Of a device that is lost, which the next call that uses it reports.
  }
}

State ExponentialMovingAverage::state() const {
  State state;
  state.add_int("updates", updates_);
  for (const Entry& entry : entries_) state.add(key_of(entry.name), entry.average);
  return state;
}

void ExponentialMovingAverage::load_state(const State& state) {
  const std::int64_t updates = state.int_at("updates");
  if (updates < 0) throw ValueError(op, fmt::format("expected 0 or more updates, got {}", updates));
  for (const Entry& entry : entries_) {
    const Tensor& average = state.at(key_of(entry.name));
    if (average.shape() != entry.average.shape() || !is_floating(average.dtype()))
      throw ValueError(op, fmt::format("expected '{}' like {}, got {}", key_of(entry.name),
                                       describe(entry.average), describe(average)));
  }
  const NoGrad no_grad;
  for (Entry& entry : entries_) entry.average.copy_(state.at(key_of(entry.name)));
  updates_ = updates;
}

}  // namespace fornax::train
