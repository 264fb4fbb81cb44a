// What small work costs on one thread, where the library's own bookkeeping is most of it: an addition that is
// recorded, a short chain forward and backward, a training step of a small network.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "fornax/fornax.h"
#include "measure.h"

namespace fornax::bench {
namespace {

/// a + b of 16 floats, recorded: nanoseconds of one, of calls of a thousand.
double add_ns(double seconds_each) {
  constexpr int repeats = 1000;
  const Tensor a = numbers({16}).set_requires_grad(), b = numbers({16}).set_requires_grad();
  Tensor y;
  const double seconds = seconds_of(
      [&] {
        for (int i = 0; i < repeats; ++i) y = a + b;
      },
      seconds_each);
  if (!y.requires_grad()) throw InternalError("overhead_bench", "expected the addition to be recorded");
  return seconds / repeats * 1e9;
}

/// (a * a + a).sum() of 16 floats, forward and backward: microseconds.
double chain_us(double seconds_each) {
  constexpr int repeats = 200;
  Tensor a = numbers({16}).set_requires_grad();
  const double seconds = seconds_of(
      [&] {
        for (int i = 0; i < repeats; ++i) {
          a.set_grad({});
          sum(a * a + a).backward();
        }
      },
      seconds_each);
  const double want = 2 * a.detach()[3].item() + 1, got = a.grad()[3].item();
  if (std::abs(got - want) > 1e-6)
    throw InternalError("overhead_bench", fmt::format("expected a gradient of {}, got {}", want, got));
  return seconds / repeats * 1e6;
}

/// A step of SGD on a 784-128-10 network with ReLU, batch 64: microseconds.
double mlp_step_us(double seconds_each) {
  const auto model = models::mlp();
  std::vector<std::int64_t> classes(64);
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::int64_t>(i % 10);
  const Tensor images = numbers({64, 784}), labels = from_span<std::int64_t>(classes, {64});
  optim::SGD optimizer(model->parameters(), {.lr = 0.05});
  Tensor loss;
  const auto step = [&] {
    loss = cross_entropy((*model)(images), labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  };
  step();
  const double before = loss.item(), seconds = seconds_of(step, seconds_each);
  if (!(loss.item() < before))
    throw InternalError("overhead_bench",
                        fmt::format("expected the loss to fall from {}, got {}", before, loss.item()));
  return seconds * 1e6;
}

}  // namespace
}  // namespace fornax::bench

int main(int argc, char** argv) {
  std::string json;
  double seconds = 0.5;
  CLI::App app{"Times small work on one thread"};
  app.add_option("--json", json, "write the result here");
  app.add_option("--seconds", seconds, "spent on each, at least")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    using namespace fornax::bench;
    fornax::set_num_threads(1);
    const nlohmann::json result = {
        {"add_ns", add_ns(seconds)}, {"chain_us", chain_us(seconds)}, {"mlp_step_us", mlp_step_us(seconds)}};
    fmt::print("{}\n", result.dump(2));
    if (!json.empty()) write_json(json, result);
  } catch (const std::exception& error) {
    fmt::print(stderr, "overhead_bench: {}\n", error.what());
    return 1;
  }
}
