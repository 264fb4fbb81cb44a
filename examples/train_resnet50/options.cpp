#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "models.h"

namespace {

/// The N of cuda:N, 0 of cuda, nothing of any other text.
std::optional<int> cuda_index(std::string_view name) {
  if (name == "cuda") return 0;
  constexpr std::string_view prefix = "cuda:";
  if (!name.starts_with(prefix)) return {};
  int index = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + prefix.size(), end, index);
  return error == std::errc() && rest == end && index >= 0 ? std::optional(index) : std::nullopt;
}

void add_options(CLI::App& app, Options& options) {
  app.option_defaults()->always_capture_default()->take_last();
  app.set_config("--config", "", "a file of options, such as a run's options.ini");
  app.add_option(
      "--data", options.data,
      "fashion-mnist[:DIR], cifar10:DIR, cifar100:DIR (binary versions), imagefolder:DIR (with train "
      "and val, of directories by class), wds:GLOB (WebDataset) or tfrecord:GLOB (training shards, such as "
      "wds:DIR/train-{0000..0146}.tar; those for validation are called val or validation instead of train) "
      "or "
      "synthetic");
  app.add_flag("--skip-corrupt", options.skip_corrupt, "takes another image for one that cannot be decoded");
  app.add_option("--finetune", options.finetune,
                 "starts from weights, .safetensors or .pt; those of the head may be of other classes");
  app.add_option("--model", options.model)->check(CLI::IsMember(known_models()));
  app.add_option("--width", options.width, "scales the channels, for small runs");
  app.add_option("--size", options.size, "height and width of the images: shrunk and with a border")
      ->check(CLI::PositiveNumber);
  app.add_option("--epochs", options.epochs)->check(CLI::PositiveNumber);
  app.add_option("--batch-size", options.batch_size, "images; auto: as many as the memory holds")
      ->transform(CLI::Validator(
          [](std::string& text) {
            if (text == "auto") text = "0";
            return text == "0" ? std::string() : CLI::PositiveNumber(text);
          },
          "POSITIVE or auto"));
  app.add_option("--accumulate", options.accumulate, "batches whose mean gradient makes one step")
      ->check(CLI::PositiveNumber);
  app.add_option("--optimizer", options.optimizer, "sgd (Nesterov momentum of 0.9) or adamw")
      ->check(CLI::IsMember({"sgd", "adamw"}));
  app.add_option("--lr", options.lr, "the highest learning rate");
  app.add_option("--schedule", options.schedule, "of the learning rate, over all epochs")
      ->check(CLI::IsMember({"one-cycle", "cosine", "step", "constant"}));
  app.add_option("--warmup", options.warmup, "epochs in which the rate rises to it; one-cycle has its own")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--weight-decay", options.weight_decay, "of all but biases and norms");
  app.add_option("--label-smoothing", options.label_smoothing)->check(CLI::Range(0., 1.));
  app.add_option("--mixup", options.mixup, "alpha of mixed images; 0: none")->check(CLI::NonNegativeNumber);
  app.add_option("--cutmix", options.cutmix, "alpha of images with a part of another; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--clip-grad-norm", options.clip_grad_norm, "the most that gradients may measure; 0: any")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--ema", options.ema, "decay of an average of the weights, which is evaluated; 0: none")
      ->check(CLI::Range(0., 1.));
  app.add_flag("--amp", options.amp, "mixed precision: computes in 16 bits where that is safe");
  app.add_option("--amp-dtype", options.amp_dtype, "the 16 bits of --amp: bf16, or f16 with loss scaling")
      ->check(CLI::IsMember({"bf16", "f16"}));
  app.add_option("--patience", options.patience,
                 "epochs without better test accuracy after which training ends; 0: never")
      ->check(CLI::NonNegativeNumber);
  app.add_option(
         "--on-nan", options.on_nan,
         "where loss or weights become inf or NaN: stop, or rollback to the last checkpoint's weights, "
         "at most 10 times")
      ->check(CLI::IsMember({"stop", "rollback"}));
  app.add_flag("--anomaly", options.anomaly, "stops at the first op that makes inf or NaN, naming it; slow");
  app.add_flag("--cudnn-benchmark", options.cudnn_benchmark,
               "measures which of cuDNN's plans are the fastest; a checkpoint keeps that");
  app.add_option(
         "--profile", options.profile,
         "steps to profile, after the first three: a table, and trace.json in the run's directory; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--csv", options.csv, "the run's directory gets log.csv, which says what log.jsonl does");
  app.add_flag("--tensorboard", options.tensorboard, "the run's directory gets event files for TensorBoard");
  app.add_option("--seed", options.seed);
  app.add_option("--threads", options.threads, "of the CPU kernels; 0: as many as cores");
  app.add_option("--workers", options.workers, "threads that prepare batches");
  app.add_option("--device", options.device, "auto, cpu or cuda:N")
      ->check(CLI::Validator(
          [](std::string& text) {
            const bool known = text == "auto" || text == "cpu" || cuda_index(text);
            return known ? std::string() : "expected auto, cpu or cuda:N";
          },
          "DEVICE"));
  app.add_option("--run-dir", options.run_dir, "where the run's directory is made");
  app.add_option("--log-every", options.log_every, "steps")->check(CLI::PositiveNumber);
  app.add_option("--checkpoint-every", options.checkpoint_every, "steps; 0: only after each epoch")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--keep-checkpoints", options.keep_checkpoints, "the last ones, besides the best")
      ->check(CLI::PositiveNumber);
  app.add_option("--resume", options.resume, "a run's directory: goes on from its last checkpoint")
      ->configurable(false);
  app.add_flag("--eval-only", options.eval_only, "evaluates what --resume names")->configurable(false);
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine line;
  CLI::App app{
      "Trains a ResNet on images and evaluates it. SIGINT and SIGTERM end it after a checkpoint, from which "
      "--resume goes on"};
  add_options(app, line.options);
  try {
    app.parse(argc, argv);
    if (const std::string run = line.options.resume; !run.empty()) {
      if (!std::filesystem::exists(options_file(run)))
        throw fornax::ValueError("--resume",
                                 "expected a run's directory, got " + run + " without options.ini");
      std::vector<std::string> arguments(argv + 1, argv + argc);
      arguments.insert(arguments.begin(), {"--config", options_file(run)});
      std::ranges::reverse(arguments);  // as CLI11 takes them
      app.parse(std::move(arguments));
    } else if (line.options.eval_only) {
      throw fornax::ValueError("--eval-only", "expected --resume RUN with it, got none");
    }
    if (line.options.mixup > 0 && line.options.cutmix > 0)
      throw fornax::ValueError("--cutmix", "expected it or --mixup, got both");
  } catch (const CLI::ParseError& error) {
    line.exit_code = app.exit(error);
  }
  line.text = app.config_to_str(true);
  return line;
}

fornax::Device choose_device(const std::string& name) {
  std::string why = "as asked";
  fornax::Device device;
  if (name == "auto")
    device = fornax::best_device(&why);
  else if (const std::optional<int> index = cuda_index(name))
    device = fornax::Device::cuda(*index);
  std::printf("device: %s (%s)\n", to_string(device).c_str(), why.c_str());
  return device;
}

std::string options_file(const std::string& run) { return run + "/options.ini"; }

std::string with_batch_size(std::string text, std::int64_t batch_size) {
  constexpr std::string_view key = "batch-size=";
  const std::size_t at = text.find(key) + key.size();
  return text.replace(at, text.find('\n', at) - at, std::to_string(batch_size));
}
