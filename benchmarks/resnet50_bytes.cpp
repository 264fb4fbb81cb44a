// The device memory that a training step of ResNet-50 reads and writes, by op, counted on the simulated
// device: the distinct bytes that each launch, library call and copy reads plus those that it writes. 16-bit
// autocast, channels_last, f32 parameters, SGD with momentum. The second step is counted: the first makes
// what the optimizer keeps.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "fornax/fornax.h"
#include "measure.h"
#include "sim/simulator.h"

namespace fornax::bench {
namespace {

constexpr std::int64_t classes = 1000;
/// MB per image of a step at 224 x 224 in 16 bits, on paper: batch normalisation with activation and residual
/// in one pass over memory each way, and all that memory allows.
constexpr double fused_mb = 347, ideal_mb = 236;

struct Options {
  std::string dtype = "f16", json;
  std::int64_t batch = 32, size = 224;
  double at_most = 0;
};

/// What one kind of work sums up to.
struct Row {
  int launches = 0;
  std::uint64_t read = 0, written = 0;

  std::uint64_t bytes() const { return read + written; }
  void add(const Row& other) {
    launches += other.launches;
    read += other.read;
    written += other.written;
  }
};

/// By op and kernel of the op table, and each of these by the functions that ran on the device.
struct Table {
  std::map<std::string, Row> ops;
  std::map<std::string, std::map<std::string, Row>> functions;
  Row total;

  explicit Table(const std::vector<sim::TracedOperation>& trace) {
    for (const sim::TracedOperation& operation : trace) {
      if (operation.bytes_read + operation.bytes_written == 0) continue;  // of memory, of events
      // Copies between host and device are no ops of the table.
      const std::string& op = operation.name.starts_with("copy to") ? operation.name : operation.range;
      const Row row{1, operation.bytes_read, operation.bytes_written};
      ops[op].add(row);
      functions[op][operation.name].add(row);
      total.add(row);
    }
  }
};

/// A net in training, and a batch for it in page-locked memory.
class Trainer {
 public:
  explicit Trainer(DType dtype) : dtype_(dtype), model_(models::resnet50({.classes = classes})) {
    model_->to(device_, MemoryFormat::channels_last);
    optimizer_ = std::make_unique<optim::SGD>(
        model_->named_parameters(), optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 1e-4});
    mean_ = full({3}, 0.45).to(device_);
    std_ = full({3}, 0.225).to(device_);
  }

  void step(std::int64_t batch, std::int64_t size) {
    const TensorOptions pinned{.dtype = u8, .pinned = true};
    const Tensor bytes = empty({batch, size, size, 3}, pinned).fill_(100).to(device_);
    const Tensor label = pin_memory(zeros({batch}, {.dtype = i64})).to(device_);
    Tensor loss;
    {
      const amp::Autocast autocast(DeviceType::cuda, dtype_);
      const Tensor x = normalize_images(bytes.permute({0, 3, 1, 2}), mean_, std_, {.dtype = dtype_});
      loss = cross_entropy((*model_)(x), label);
    }
    optimizer_->zero_grad();
    loss.backward();
    optimizer_->step();
    HostCopy(loss).get();
  }
  std::uint64_t parameters() const {
    std::uint64_t count = 0;
    for (const Tensor& tensor : optimizer_->parameters()) count += static_cast<std::uint64_t>(tensor.numel());
    return count;
  }

 private:
  const Device device_ = Device::cuda();
  DType dtype_;
  std::unique_ptr<models::ResNet> model_;
  std::unique_ptr<optim::SGD> optimizer_;
  Tensor mean_, std_;
};

Table count(const Options& options) {
  sim::only_count_bytes();
  Trainer trainer(options.dtype == "f16" ? f16 : bf16);
  trainer.step(2, 32);
  sim::start_trace();
  trainer.step(options.batch, options.size);
  Table table(sim::take_trace());
  // What is known exactly: SGD reads parameter, gradient and momentum in f32, and writes the first and the
  // last.
  const Row sgd = table.ops["sgd_step/multi_tensor"];
  if (sgd.read != 12 * trainer.parameters() || sgd.written != 8 * trainer.parameters())
    throw InternalError("resnet50_bytes",
                        fmt::format("expected SGD to read 12 and write 8 bytes of each of {} "
                                    "parameters, counted {} and {}",
                                    trainer.parameters(), sgd.read, sgd.written));
  return table;
}

nlohmann::json to_json(const Row& row) {
  return {{"launches", row.launches}, {"bytes_read", row.read}, {"bytes_written", row.written}};
}

nlohmann::json to_json(const Table& table, const Options& options) {
  nlohmann::json ops;
  for (const auto& [name, row] : table.ops) {
    ops[name] = to_json(row);
    for (const auto& [function, part] : table.functions.at(name))
      ops[name]["functions"][function] = to_json(part);
  }
  return {{"dtype", options.dtype},
          {"batch", options.batch},
          {"size", options.size},
          {"ops", ops},
          {"total", to_json(table.total)}};
}

void print(const Table& table, const Options& options) {
  const auto mb = [&](std::uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(options.batch) * 1e-6;
  };
  const auto line = [&](const std::string& name, const Row& row) {
    fmt::print("| {} | {} | {:.2f} | {:.2f} | {:.2f} |\n", name, row.launches, mb(row.read), mb(row.written),
               mb(row.bytes()));
  };
  std::vector<std::pair<std::string, Row>> rows(table.ops.begin(), table.ops.end());
  std::ranges::stable_sort(rows,
                           [](const auto& a, const auto& b) { return a.second.bytes() > b.second.bytes(); });
  fmt::print("| op and kernel | launches | MB read | MB written | MB |\n|---|---|---|---|---|\n");
  Row others;
  for (const auto& [name, row] : rows) {
    if (row.bytes() >= table.total.bytes() / 1000)
      line(name, row);
    else
      others.add(row);
  }
  line("others", others);
  line("all", table.total);
  if (options.size == 224)
    fmt::print("\nMB per image; on paper {} with fused batch normalisation, {} at best.\n", fused_mb,
               ideal_mb);
  const double all = mb(table.total.bytes());
  if (options.at_most > 0 && all > options.at_most)
    throw InternalError("resnet50_bytes",
                        fmt::format("expected at most {} MB per image, got {:.2f}", options.at_most, all));
}

}  // namespace
}  // namespace fornax::bench

int main(int argc, char** argv) {
  fornax::bench::Options options;
  CLI::App app{"Counts the bytes of device memory that a training step of ResNet-50 reads and writes"};
  app.add_option("--dtype", options.dtype)->check(CLI::IsMember({"f16", "bf16"}))->capture_default_str();
  app.add_option("--batch", options.batch)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--size", options.size, "of the square images")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--at-most", options.at_most, "fail above so many MB per image")->check(CLI::PositiveNumber);
  app.add_option("--json", options.json, "write the result here");
  CLI11_PARSE(app, argc, argv);
  try {
    const fornax::bench::Table table = fornax::bench::count(options);
    if (!options.json.empty())
      fornax::bench::write_json(options.json, fornax::bench::to_json(table, options));
    fornax::bench::print(table, options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "resnet50_bytes: {}\n", error.what());
    return 1;
  }
}
