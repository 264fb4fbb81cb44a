// Trains a ResNet on images, evaluates it, and leaves a run: config.json, options.ini, log.jsonl, curves.svg,
// report.html, model.safetensors, and checkpoints from which --resume goes on. `train_resnet50 --help` lists
// the options.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "datasets.h"
#include "fornax/fornax.h"
#include "models.h"
#include "options.h"

namespace fx = fornax;
namespace data = fornax::data;
namespace optim = fornax::optim;
namespace train = fornax::train;

namespace {

std::optional<fx::DType> amp_dtype(const Options& options) {
  if (!options.amp) return {};
  return options.amp_dtype == "f16" ? fx::f16 : fx::bf16;
}

std::unique_ptr<optim::Optimizer> make_optimizer(const Options& options, const fx::State& parameters) {
  if (options.optimizer == "adamw")
    return std::make_unique<optim::AdamW>(optim::no_decay_groups(
        parameters, optim::AdamWOptions{.lr = options.lr, .weight_decay = options.weight_decay}));
  return std::make_unique<optim::SGD>(optim::no_decay_groups(
      parameters,
      optim::SGDOptions{
          .lr = options.lr, .momentum = 0.9, .weight_decay = options.weight_decay, .nesterov = true}));
}

optim::Schedule make_schedule(const Options& options, std::int64_t steps_per_epoch) {
  const std::int64_t steps = options.epochs * steps_per_epoch;
  if (options.schedule == "one-cycle")
    return optim::OneCycleLR{.total_steps = steps, .pct_start = 0.25, .cycle_momentum = false};
  const auto warmup = static_cast<std::int64_t>(options.warmup * static_cast<double>(steps_per_epoch));
  const std::int64_t rest = std::max<std::int64_t>(steps - warmup, 1);
  optim::Schedule main = [](std::int64_t, double lr) { return optim::Rates{lr}; };
  if (options.schedule == "cosine") main = optim::CosineAnnealingLR{.T_max = rest};
  if (options.schedule == "step")
    main = optim::StepLR{.step_size = std::max<std::int64_t>(rest / 3, 1), .gamma = 0.1};
  if (warmup == 0) return main;
  return optim::sequential({optim::LinearLR{.start_factor = 0.01, .total_iters = warmup}, main}, {warmup});
}

/// The batch size that fits into the device's memory.
std::int64_t fitting_batch_size(const Options& options, const fx::nn::Layer& model, fx::Device device,
                                std::int64_t at_most) {
  const auto copy = fx::nn::clone(model);
  const auto optimizer = make_optimizer(options, copy->named_parameters());
  const auto step = [&](std::int64_t samples) {
    const fx::Tensor x = fx::zeros({samples, 3, options.size, options.size}, {.device = device});
    const fx::Tensor label = fx::zeros({samples}, {.dtype = fx::i64, .device = device});
    fx::Tensor output;
    {
      const fx::amp::Autocast autocast(device.type, amp_dtype(options).value_or(fx::bf16), options.amp);
      output = (*copy)(x);
    }
    optimizer->zero_grad();
    fx::cross_entropy(output, label).backward();
    optimizer->step();
  };
  return train::find_batch_size(device, step, {.at_most = at_most});
}

decltype(train::TrainerOptions::mix) make_mix(const Options& options) {
  if (options.mixup > 0)
    return [alpha = options.mixup](const data::Batch& batch, data::SampleRandom& random) {
      return data::mixup(batch, alpha, random);
    };
  if (options.cutmix > 0)
    return [alpha = options.cutmix](const data::Batch& batch, data::SampleRandom& random) {
      return data::cutmix(batch, alpha, random);
    };
  return {};
}

/// What the run is made with.
train::Fields describe(const Options& options, fx::Device device) {
  return {{"model", options.model},
          {"data", options.data},
          {"device", to_string(device)},
          {"epochs", options.epochs},
          {"batch_size", options.batch_size},
          {"accumulate", options.accumulate},
          {"optimizer", options.optimizer},
          {"schedule", options.schedule},
          {"lr", options.lr},
          {"weight_decay", options.weight_decay},
          {"width", options.width},
          {"size", options.size},
          {"amp", options.amp ? options.amp_dtype : "off"},
          {"threads", std::int64_t{fx::num_threads()}},
          {"seed", static_cast<std::int64_t>(options.seed)}};
}

/// What a run is made anew from.
void write_options(const std::string& text, const std::string& run) {
  fx::io::AtomicFile file(options_file(run));
  file.write(text);
  file.commit();
}

/// Says from where the run goes on.
void report(const std::optional<fx::io::FoundCheckpoint>& found, const std::string& run) {
  if (!found) {
    std::printf("no checkpoint in %s yet: starting anew\n", run.c_str());
    return;
  }
  for (const std::string& error : found->corrupt) std::printf("left out: %s\n", error.c_str());
  std::printf("going on from %s\n", found->path.c_str());
}

int run(Options options, std::string options_text) {
  if (options.threads > 0) fx::set_num_threads(options.threads);
  fx::default_generator().manual_seed(options.seed);
  const fx::AnomalyGuard anomaly(options.anomaly);
  fx::cuda::set_cudnn_benchmark(options.cudnn_benchmark);
  const fx::Device device = choose_device(options.device);

  const Datasets sets = open_datasets(options);
  const auto model = make_model(options, sets.classes);
  model->to(device);
  if (options.batch_size == 0) {
    options.batch_size =
        fitting_batch_size(options, *model, device, std::min<std::int64_t>(sets.train->size(), 1024));
    options_text = with_batch_size(std::move(options_text), options.batch_size);
    std::printf("batch size: %lld\n", static_cast<long long>(options.batch_size));
  }
  const bool pin = !device.is_cpu();
  data::DataLoader loader(sets.train, {.batch_size = options.batch_size,
                                       .workers = options.workers,
                                       .drop_last = true,
                                       .pin_memory = pin,
                                       .seed = options.seed,
                                       .sampler = sets.order});
  if (loader.batches() == 0)
    throw fx::ValueError("--batch-size", "expected at most " + std::to_string(sets.train->size()) +
                                             ", the training images of " + options.data + ", got " +
                                             std::to_string(options.batch_size));
  data::DataLoader test_loader(
      sets.test, {.batch_size = 2 * options.batch_size, .workers = options.workers, .pin_memory = pin});

  const auto optimizer = make_optimizer(options, model->named_parameters());

  const bool resumes = !options.resume.empty();
  const std::string directory =
      resumes ? options.resume : train::make_run_directory(options.run_dir, options.model);
  const train::StopSignals signals;
  const std::int64_t steps_per_epoch = (loader.batches() + options.accumulate - 1) / options.accumulate;
  train::Trainer trainer(
      *model, *optimizer,
      {.device = device,
       .epochs = options.epochs,
       .accumulate = options.accumulate,
       .amp = amp_dtype(options),
       .schedule = make_schedule(options, steps_per_epoch),
       .max_grad_norm = options.clip_grad_norm,
       .ema = options.ema > 0 ? std::optional(train::EmaOptions{.decay = options.ema, .warmup = true})
                              : std::nullopt,
       .loss =
           [&](const fx::Tensor& output, const fx::Tensor& label) {
             return fx::cross_entropy(output, label, {.label_smoothing = options.label_smoothing});
           },
       .mix = make_mix(options),
       .mix_seed = options.seed,
       .metrics = {train::top_k_accuracy(), train::top_k_accuracy(5)},
       .log_every = options.log_every,
       .checkpoints = {.directory = directory + "/checkpoints",
                       .every = options.checkpoint_every,
                       .keep_last = options.keep_checkpoints},
       .max_rollbacks = options.on_nan == "rollback" ? 10 : 0,
       .stop = [&] { return signals.received(); }});
  trainer.add<train::ProgressBar>();
  trainer.add<train::JsonLogger>(directory + "/log.jsonl");
  if (options.csv) trainer.add<train::CsvLogger>(directory + "/log.csv");
  trainer.add<train::CurvesPlot>(directory + "/curves.svg");
  const train::Fields facts = describe(options, device);
  trainer.add<train::Report>(directory + "/report.html",
                             train::ReportOptions{.title = options.model + " on " + options.data,
                                                  .options = facts,
                                                  .classes = sets.class_names,
                                                  .mean = sets.mean,
                                                  .stddev = sets.stddev});
  if (options.tensorboard)
    trainer.add<train::TensorBoard>(
        directory + "/tensorboard",
        train::TensorBoardOptions{
            .histograms = true, .text = "```\n" + options_text + "```", .hparams = facts});
  if (options.profile > 0)
    trainer.add<train::Profile>(directory + "/trace.json", train::ProfileOptions{.steps = options.profile});
  if (options.patience > 0)
    trainer.add<train::EarlyStopping>(train::EarlyStoppingOptions{
        .monitor = "accuracy", .lower_is_better = false, .patience = options.patience});
  if (resumes) {
    const auto found = trainer.resume();
    if (!found && options.eval_only)
      throw fx::ValueError("--eval-only", "expected a run that has a checkpoint, got " + directory);
    report(found, directory);
    if (!found)
      for (const char* const log : {"/log.jsonl", "/log.csv"}) std::filesystem::remove(directory + log);
  }
  std::printf("%s: %s\n", options.model.c_str(), describe_model(*model, options, device).c_str());

  train::Numbers result;
  if (options.eval_only) {
    result = trainer.evaluate(test_loader);
  } else {
    train::write_config(directory + "/config.json", facts);
    write_options(options_text, directory);
    std::printf("%lld training images of %s; the run goes to %s\n",
                static_cast<long long>(sets.train->size()), options.data.c_str(), directory.c_str());
    if (!trainer.fit(loader, &test_loader)) {
      std::printf("stopped after step %lld; --resume %s goes on\n", static_cast<long long>(trainer.step()),
                  directory.c_str());
      return signals.exit_code();
    }
    result = trainer.last_evaluation();
    trainer.save_model(directory + "/model.safetensors");
  }
  for (const auto& [name, value] : result)
    if (name == "accuracy") std::printf("test_accuracy=%.4f run=%s\n", value, directory.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line is seen at once, through a pipe too
  const CommandLine line = parse_command_line(argc, argv);
  return line.exit_code ? *line.exit_code : run(line.options, line.text);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
