#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fornax/fornax.h"

/// The options of train_resnet50.
struct Options {
  std::string data = "fashion-mnist", model = "resnet50", device = "auto", run_dir = "runs",
              amp_dtype = "bf16", optimizer = "sgd", schedule = "one-cycle", on_nan = "stop", finetune;
  std::int64_t batch_size = 128;  ///< 0: what fits into the memory
  std::int64_t epochs = 2, accumulate = 1, size = 32, log_every = 10, checkpoint_every = 0, patience = 0,
               profile = 0;
  int threads = 0, workers = 1, keep_checkpoints = 2;
  double lr = 0.05, weight_decay = 5e-4, warmup = 0, width = 1, label_smoothing = 0, clip_grad_norm = 0,
         ema = 0, mixup = 0, cutmix = 0;
  std::uint64_t seed = 0;
  bool csv = false, amp = false, anomaly = false, cudnn_benchmark = false, tensorboard = false,
       skip_corrupt = false;

  /// Not kept with the run: what is asked of this call of the program.
  std::string resume;
  bool eval_only = false;
};

struct CommandLine {
  Options options;
  std::string text;  ///< of the options that are kept with the run, as --config reads them
  std::optional<int>
      exit_code;  ///< set where there is nothing to run: after --help, or an error that was shown
};

/// Reads the command line and, for --resume, the run's options, which the command line overrides. Throws
/// fornax::ValueError.
CommandLine parse_command_line(int argc, char** argv);

/// The device that --device names, or the best one.
fornax::Device choose_device(const std::string& name);
/// Where a run keeps its options.
std::string options_file(const std::string& run);
/// CommandLine::text with this batch size.
std::string with_batch_size(std::string text, std::int64_t batch_size);
