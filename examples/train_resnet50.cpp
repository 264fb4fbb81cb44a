// Trains a ResNet on images, evaluates it, and leaves a run: config.json, log.jsonl, curves.svg, and a
// checkpoint from which --resume goes on. `train_resnet50 --help` lists the options.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "fornax/fornax.h"

namespace fx = fornax;
namespace data = fornax::data;
namespace models = fornax::models;
namespace optim = fornax::optim;
namespace train = fornax::train;

namespace {

struct Options {
  std::string data = "fashion-mnist", model = "resnet50", device = "auto", run_dir = "runs",
              amp_dtype = "bf16";
  std::int64_t epochs = 2, batch_size = 128, size = 32, log_every = 10, checkpoint_every = 0;
  int threads = 0, workers = 1;
  double lr = 0.05, weight_decay = 5e-4, width = 1;
  std::uint64_t seed = 0;
  bool amp = false;

  bool scales_loss() const { return amp && amp_dtype == "f16"; }
};

const std::map<std::string, decltype(&models::resnet50)> known_models = {
    {"resnet18", models::resnet18},   {"resnet34", models::resnet34},   {"resnet50", models::resnet50},
    {"resnet101", models::resnet101}, {"resnet152", models::resnet152},
};

struct Datasets {
  std::shared_ptr<data::ImageDataset> train, test;
};

/// How images of `side` become `size` wide: shrunk by the least whole number that does not leave them wider,
/// and with a border.
data::ImageOptions fit(std::int64_t side, std::int64_t size) {
  std::int64_t shrink = 1;
  while (side / shrink > size) ++shrink;
  const std::int64_t shrunk = side / shrink, border = size - shrunk;
  if (border % 2 != 0)
    throw fx::ValueError("--size", "expected " + std::to_string(shrunk) +
                                       " plus an even number for images of " + std::to_string(side) +
                                       ", got " + std::to_string(size));
  return {.shrink = shrink, .border = border / 2};
}

/// The sets that --data names; images have 3 channels and are --size wide.
Datasets open_datasets(const Options& options) {
  using data::Split;
  const auto colon = options.data.find(':');
  const std::string name = options.data.substr(0, colon);
  const std::string directory = colon == std::string::npos ? "" : options.data.substr(colon + 1);
  if (name == "fashion-mnist") {
    const std::string from = directory.empty() ? "/usr/share/datasets/fashion-mnist" : directory;
    data::ImageOptions plain = fit(28, options.size);
    plain.channels = 3;
    return {data::fashion_mnist(from, Split::train, plain), data::fashion_mnist(from, Split::test, plain)};
  }
  if (name == "cifar10" && !directory.empty()) {
    const data::ImageOptions plain = fit(32, options.size);
    data::ImageOptions varied = plain;
    varied.crop_padding = 4;
    varied.flip = true;
    return {data::cifar10(directory, Split::train, varied), data::cifar10(directory, Split::test, plain)};
  }
  if (name == "synthetic") {
    const auto images = std::make_shared<data::ImageDataset>(
        data::synthetic_images({.height = options.size, .width = options.size, .seed = options.seed}),
        data::ImageOptions{.mean = {0.5f}, .stddev = {0.25f}});
    return {images, images};
  }
  throw fx::ValueError("--data",
                       "expected fashion-mnist[:DIR], cifar10:DIR or synthetic, got " + options.data);
}

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

fx::Device choose_device(const std::string& name) {
  std::string why = "as asked";
  fx::Device device;
  if (name == "auto")
    device = fx::best_device(&why);
  else if (const std::optional<int> index = cuda_index(name))
    device = fx::Device::cuda(*index);
  std::printf("device: %s (%s)\n", to_string(device).c_str(), why.c_str());
  return device;
}

std::int64_t count_correct(const fx::Tensor& logits, const fx::Tensor& label) {
  const fx::NoGrad no_grad;
  return fx::sum(fx::eq(fx::argmax(logits, 1), label)).item<std::int64_t>();
}

double test_accuracy(models::ResNet& model, data::DataLoader& loader, fx::Device device) {
  const fx::NoGrad no_grad;
  model.eval();
  std::int64_t correct = 0;
  for (const auto& [image, label] : data::Prefetcher(loader, device))
    correct += count_correct(model(image), label);
  model.train();
  return static_cast<double>(correct) / static_cast<double>(loader.dataset().size());
}

/// The run's curves, which a resumed run goes on drawing.
struct Curves {
  std::vector<train::Point> loss, accuracy, test;

  void draw(const std::string& path) const {
    train::write_svg(path, {.title = "Training",
                            .x_label = "step",
                            .panels = {{"loss", {{"training batch", loss}}},
                                       {"accuracy", {{"training batch", accuracy}, {"test set", test}}}}});
  }
  fx::State state() const {
    fx::State state;
    for (const auto& [name, points] : {std::pair("loss", &loss), {"accuracy", &accuracy}, {"test", &test}}) {
      std::vector<double> values;
      for (const train::Point& point : *points) values.insert(values.end(), {point.x, point.y});
      state.add(name, fx::from_span<double>(values, {static_cast<std::int64_t>(points->size()), 2}));
    }
    return state;
  }
  void load_state(const fx::State& state) {
    for (const auto& [name, points] : {std::pair("loss", &loss), {"accuracy", &accuracy}, {"test", &test}}) {
      const std::vector<double> values = state.at(name).to_vector<double>();
      points->clear();
      for (std::size_t i = 0; i + 1 < values.size(); i += 2) points->push_back({values[i], values[i + 1]});
    }
  }
};

void run(const Options& options, const std::string& options_text, const std::string& resume) {
  if (options.threads > 0) fx::set_num_threads(options.threads);
  fx::default_generator().manual_seed(options.seed);
  const fx::Device device = choose_device(options.device);

  const Datasets sets = open_datasets(options);
  data::DataLoader loader(sets.train, {.batch_size = options.batch_size,
                                       .workers = options.workers,
                                       .shuffle = true,
                                       .drop_last = true,
                                       .pin_memory = !device.is_cpu(),
                                       .seed = options.seed});
  if (loader.batches() == 0)
    throw fx::ValueError("--batch-size", "expected at most " + std::to_string(sets.train->size()) +
                                             ", the training images of " + options.data + ", got " +
                                             std::to_string(options.batch_size));
  data::DataLoader test_loader(
      sets.test,
      {.batch_size = 2 * options.batch_size, .workers = options.workers, .pin_memory = !device.is_cpu()});

  const auto model =
      known_models.at(options.model)({.classes = 10, .width = options.width, .zero_init_residual = true});
  model->to(device);
  optim::SGD optimizer(optim::no_decay_groups(
      model->named_parameters(),
      optim::SGDOptions{
          .lr = options.lr, .momentum = 0.9, .weight_decay = options.weight_decay, .nesterov = true}));
  optim::Scheduler schedule(optimizer, optim::OneCycleLR{.total_steps = options.epochs * loader.batches(),
                                                         .pct_start = 0.25,
                                                         .cycle_momentum = false});
  fx::amp::GradScaler scaler({.enabled = options.scales_loss()});
  data::Prefetcher batches(loader, device);
  Curves curves;

  const std::string directory =
      resume.empty() ? train::make_run_directory(options.run_dir, options.model) : resume;
  const std::string checkpoint_path = directory + "/checkpoint.safetensors";
  std::optional<train::JsonLog> log;
  const auto save = [&] {
    fx::io::Checkpoint checkpoint;
    checkpoint.parts["model"] = model->state();
    checkpoint.parts["optimizer"] = optimizer.state();
    checkpoint.parts["schedule"] = schedule.state();
    if (scaler.is_enabled()) checkpoint.parts["scaler"] = scaler.state();
    checkpoint.parts["random"] = fx::default_generator().state();
    checkpoint.parts["data"] = batches.state();
    checkpoint.parts["curves"] = curves.state();
    checkpoint.parts["log"].add_int("bytes", log->size());
    checkpoint.metadata["options"] = options_text;
    fx::io::save_checkpoint(checkpoint_path, checkpoint);
  };
  if (!resume.empty()) {
    const fx::io::Checkpoint checkpoint = fx::io::load_checkpoint(checkpoint_path);
    model->load_state(checkpoint.part("model"));
    optimizer.load_state(checkpoint.part("optimizer"));
    schedule.load_state(checkpoint.part("schedule"));
    if (scaler.is_enabled()) scaler.load_state(checkpoint.part("scaler"));
    fx::default_generator().load_state(checkpoint.part("random"));
    loader.load_state(checkpoint.part("data"));
    curves.load_state(checkpoint.part("curves"));
    log.emplace(directory + "/log.jsonl", checkpoint.part("log").int_at("bytes"));
  } else {
    train::write_config(directory + "/config.json", {{"model", options.model},
                                                     {"data", options.data},
                                                     {"device", to_string(device)},
                                                     {"epochs", options.epochs},
                                                     {"batch_size", options.batch_size},
                                                     {"lr", options.lr},
                                                     {"weight_decay", options.weight_decay},
                                                     {"width", options.width},
                                                     {"size", options.size},
                                                     {"amp", options.amp ? options.amp_dtype : "off"},
                                                     {"threads", std::int64_t{fx::num_threads()}},
                                                     {"seed", static_cast<std::int64_t>(options.seed)}});
    log.emplace(directory + "/log.jsonl");
  }
  std::printf("%s on %s, %lld training images; the run goes to %s\n", options.model.c_str(),
              options.data.c_str(), static_cast<long long>(sets.train->size()), directory.c_str());

  const auto title = [&](std::int64_t epoch) {
    return "epoch " + std::to_string(epoch) + "/" + std::to_string(options.epochs);
  };
  // After an epoch, of which the loader has counted the last batch.
  const auto evaluate = [&] {
    const std::int64_t epoch = loader.epoch(), step = schedule.step_count();
    const double accuracy = test_accuracy(*model, test_loader, device);
    curves.test.push_back({static_cast<double>(step), accuracy});
    log->write({{"phase", "test"}, {"epoch", epoch}, {"step", step}, {"accuracy", accuracy}});
    curves.draw(directory + "/curves.svg");
    save();
    std::printf("%s: test accuracy %.4f\n", title(epoch).c_str(), accuracy);
  };
  // The checkpoint of an epoch's last step was made before the epoch was evaluated.
  if (std::ssize(curves.test) < loader.epoch()) evaluate();
  while (loader.epoch() < options.epochs) {
    const std::int64_t epoch = loader.epoch() + 1;
    train::Progress progress(title(epoch), epoch * loader.batches() - schedule.step_count());
    double waited = 0;
    for (const auto& [image, label] : batches) {
      fx::Tensor logits;
      {
        const fx::DType amp_dtype = options.amp_dtype == "f16" ? fx::f16 : fx::bf16;
        const fx::amp::Autocast autocast(device.type, amp_dtype, options.amp);
        logits = (*model)(image);
      }
      const fx::Tensor loss = fx::cross_entropy(logits, label);
      optimizer.zero_grad();
      scaler.scale(loss).backward();
      scaler.step(optimizer);
      scaler.update();
      schedule.step();

      const std::int64_t step = schedule.step_count();
      train::StepReport report{.images = label.numel(), .wait_seconds = loader.wait_seconds() - waited};
      waited = loader.wait_seconds();
      if (step % options.log_every == 0) {  // reading a loss waits for the device
        report.loss = loss.item();
        report.accuracy =
            static_cast<double>(count_correct(logits, label)) / static_cast<double>(label.numel());
        const double x = static_cast<double>(step);
        curves.loss.push_back({x, *report.loss});
        curves.accuracy.push_back({x, *report.accuracy});
        log->write({{"phase", "train"},
                    {"epoch", epoch},
                    {"step", step},
                    {"loss", *report.loss},
                    {"accuracy", *report.accuracy},
                    {"lr", optimizer.lr()}});
      }
      progress.step(report);
      if (options.checkpoint_every > 0 && step % options.checkpoint_every == 0) {
        save();
        progress.note("checkpoint at step " + std::to_string(step));
      }
    }
    progress.finish();
    evaluate();
  }
  std::printf("test_accuracy=%.4f run=%s\n", curves.test.back().y, directory.c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line is seen at once, through a pipe too
  Options options;
  std::string resume;
  CLI::App app{"Trains a ResNet on images and evaluates it"};
  app.option_defaults()->always_capture_default()->take_last();
  app.add_option("--data", options.data, "fashion-mnist[:DIR], cifar10:DIR (binary version) or synthetic");
  app.add_option("--model", options.model)->check(CLI::IsMember(known_models));
  app.add_option("--epochs", options.epochs)->check(CLI::PositiveNumber);
  app.add_option("--batch-size", options.batch_size)->check(CLI::PositiveNumber);
  app.add_option("--lr", options.lr, "peak of the one-cycle schedule");
  app.add_option("--weight-decay", options.weight_decay);
  app.add_option("--width", options.width, "scales the channels, for small runs");
  app.add_option("--size", options.size, "height and width of the images: shrunk and with a border")
      ->check(CLI::PositiveNumber);
  app.add_flag("--amp", options.amp, "mixed precision: computes in 16 bits where that is safe");
  app.add_option("--amp-dtype", options.amp_dtype, "the 16 bits of --amp: bf16, or f16 with loss scaling")
      ->check(CLI::IsMember({"bf16", "f16"}));
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
  app.add_option("--checkpoint-every", options.checkpoint_every, "steps; 0: only after each epoch");
  app.add_option("--resume", resume, "a run's directory: goes on from its checkpoint, with its options")
      ->configurable(false);
  CLI11_PARSE(app, argc, argv);

  std::string options_text = app.config_to_str(true);
  if (!resume.empty()) {
    const fx::io::Checkpoint checkpoint = fx::io::load_checkpoint(resume + "/checkpoint.safetensors");
    options_text = checkpoint.metadata.at("options");
    std::istringstream text(options_text);
    app.parse_from_stream(text);
  }
  run(options, options_text, resume);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
