#include "fornax/train/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "fornax/base/error.h"
#include "fornax/data/image_file.h"
#include "fornax/nn/module.h"
#include "fornax/train/trainer.h"
#include "train/event.h"

namespace fornax::train {
namespace {

double system_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A name of its own for each file of each process.
std::string new_path(const std::string& directory, double time) {
  static std::atomic<int> count = 0;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {"localhost"};
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    throw IoError(directory, fmt::format("expected to create the directory, got: {}", error.message()));
  return fmt::format("{}/events.out.tfevents.{:.0f}.{}.{}.{}", directory, std::floor(time), host.data(),
                     ::getpid(), count++);
}

}  // namespace

class SummaryWriter::File {
 public:
  File(const std::string& directory, std::function<double()> wall_time)
      : wall_time_(wall_time ? std::move(wall_time) : system_time), file_(new_path(directory, now())) {}

  double now() const { return wall_time_(); }
  void write(const Message& event) { file_.write(tfrecord(event.bytes())); }
  void write(std::int64_t step, const Message& value) { write(summary_event(now(), step, value)); }
  const std::string& path() const { return file_.path(); }

 private:
  std::function<double()> wall_time_;
  AppendFile file_;
};

SummaryWriter::SummaryWriter(const std::string& directory, SummaryWriterOptions options)
    : file_(std::make_unique<File>(directory, std::move(options.wall_time))) {
  file_->write(version_event(file_->now()));
  if (options.purge_step) file_->write(purge_event(file_->now(), *options.purge_step));
}

SummaryWriter::~SummaryWriter() = default;

const std::string& SummaryWriter::path() const { return file_->path(); }

void SummaryWriter::add_scalar(std::string_view tag, double value, std::int64_t step) {
  file_->write(step, scalar_value(tag, static_cast<float>(value)));
}

void SummaryWriter::add_histogram(std::string_view tag, const Tensor& values, std::int64_t step) {
  if (!is_floating(values.dtype()))
    throw DTypeError("add_histogram", fmt::format("expected floating values, got {}", describe(values)));
  std::vector<double> finite = values.detach().to(f64).to_vector<double>();
  std::erase_if(finite, [](double value) { return !std::isfinite(value); });
  file_->write(step, histogram_value(tag, std::move(finite)));
}

void SummaryWriter::add_text(std::string_view tag, std::string_view text, std::int64_t step) {
  file_->write(step, text_value(tag, text));
}

void SummaryWriter::add_image(std::string_view tag, const Tensor& image, std::int64_t step) {
  const std::vector<std::byte> png = data::encode_png(image);
  std::string bytes(png.size(), '\0');
  std::memcpy(bytes.data(), png.data(), png.size());
  file_->write(
      step,
      image_value(
          tag, {.height = image.size(1), .width = image.size(2), .channels = image.size(0), .bytes = bytes}));
}

void SummaryWriter::add_hparams(const Fields& hparams, const std::vector<std::string>& metrics) {
  file_->write(0, experiment_value(hparams, metrics));
  file_->write(0, session_start_value(hparams, file_->now()));
}

void SummaryWriter::end_hparams() { file_->write(0, session_end_value(file_->now())); }

void TensorBoard::on_fit_begin(Trainer& trainer) {
  const std::optional<std::int64_t> purge =
      trainer.step() > 0 ? std::optional(trainer.step() + 1) : std::nullopt;
  writer_ = std::make_unique<SummaryWriter>(directory_, SummaryWriterOptions{.purge_step = purge});
  if (!options_.text.empty()) writer_->add_text("options", options_.text, trainer.step());
  if (options_.hparams.empty()) return;
  std::vector<std::string> metrics;
  for (const std::string& name : trainer.evaluation_names()) metrics.push_back("test/" + name);
  writer_->add_hparams(options_.hparams, metrics);
}

void TensorBoard::on_step_end(Trainer&, const StepInfo& info) {
  for (const auto& [name, value] : info.numbers) writer_->add_scalar("train/" + name, value, info.step);
}

void TensorBoard::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  for (const auto& [name, value] : evaluation) writer_->add_scalar("test/" + name, value, trainer.step());
  if (!options_.histograms) return;
  for (const auto& [name, parameter] : trainer.model().named_parameters())
    writer_->add_histogram(name, parameter, trainer.step());
}

void TensorBoard::on_fit_end(Trainer& trainer) {
  const bool goes_on = trainer.steps_in_epoch() > 0;  // it was stopped within an epoch
  if (!options_.hparams.empty() && !goes_on) writer_->end_hparams();
}

}  // namespace fornax::train
