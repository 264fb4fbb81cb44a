#include "fornax/dispatch/autocast.h"

#include <algorithm>
#include <array>
#include <string>

#include "fornax/base/error.h"

namespace fornax::amp {
namespace {

using namespace std::string_view_literals;
constexpr std::array lower = {"conv2d"sv, "linear"sv, "matmul"sv};
constexpr std::array full = {
    "exp"sv,     "log"sv,         "pow"sv,        "norm"sv,
    "sum"sv,     "mean"sv,        "var"sv,        "logsumexp"sv,
    "softmax"sv, "log_softmax"sv, "layer_norm"sv, "cross_entropy"sv,
    "l1_loss"sv, "mse_loss"sv,    "nll_loss"sv,   "binary_cross_entropy_with_logits"sv};
constexpr std::array promote = {"add"sv,     "sub"sv,   "mul"sv,    "div"sv,  "maximum"sv,
                                "minimum"sv, "where"sv, "concat"sv, "stack"sv};

constinit thread_local std::array<std::optional<DType>, 2> active{};

std::optional<DType>& slot(DeviceType device) { return active[static_cast<std::size_t>(device)]; }

}  // namespace

Autocast::Autocast(DeviceType device, DType dtype, bool enabled) : device_(device), before_(slot(device)) {
  if (!is_16bit(dtype))
    throw DTypeError("autocast", "expected bf16 or f16, got " + std::string(name_of(dtype)));
  slot(device) = enabled ? std::optional(dtype) : std::nullopt;
}

Autocast::~Autocast() { slot(device_) = before_; }

std::optional<DType> autocast_dtype(DeviceType device) { return slot(device); }

bool autocast_enabled() noexcept { return active[0] || active[1]; }

CastPolicy policy_of(std::string_view op) {
  if (std::ranges::find(lower, op) != lower.end()) return CastPolicy::lower;
  if (std::ranges::find(full, op) != full.end()) return CastPolicy::full;
  if (std::ranges::find(promote, op) != promote.end()) return CastPolicy::promote;
  return CastPolicy::none;
}

}  // namespace fornax::amp
