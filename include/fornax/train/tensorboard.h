#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"
#include "fornax/train/callback.h"
#include "fornax/train/json_log.h"

/// Event files that TensorBoard shows (`tensorboard --logdir runs`), written without Python. The format:
/// records as of TFRecord (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details)
/// that hold Event messages (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
namespace fornax::train {

struct SummaryWriterOptions {
  /// Of a run that goes on: what earlier files of the directory say of this step and later ones is forgotten.
  std::optional<std::int64_t> purge_step = {};
  std::function<double()> wall_time = {};  ///< seconds since 1970; the system's clock if not given
};

/// Writes one event file. An event is in the file as soon as the call returns. Tags group by what is before a
/// '/': "train/loss". May be called from one thread at a time.
///
///     SummaryWriter writer("runs/a");
///     writer.add_scalar("train/loss", loss.item(), step);
class FORNAX_API SummaryWriter {
 public:
  /// Creates the directory where it is missing, and in it events.out.tfevents.SECONDS.HOST.PROCESS.N. Throws
  /// IoError.
  explicit SummaryWriter(const std::string& directory, SummaryWriterOptions options = {});
  ~SummaryWriter();
  SummaryWriter(const SummaryWriter&) = delete;
  SummaryWriter& operator=(const SummaryWriter&) = delete;

  // All throw IoError.
  void add_scalar(std::string_view tag, double value, std::int64_t step);
  /// How the elements are distributed, those that are not finite left out; floating, of any shape. Throws
  /// DTypeError. Waits for the device.
  void add_histogram(std::string_view tag, const Tensor& values, std::int64_t step);
  /// Markdown.
  void add_text(std::string_view tag, std::string_view text, std::int64_t step);
  /// An image as encode_png takes it; data::make_grid makes one of several. Throws ShapeError, DTypeError.
  /// Waits for the device.
  void add_image(std::string_view tag, const Tensor& image, std::int64_t step);
  /// What this run was made with, for the HPARAMS page, which shows it beside the last values of some
  /// scalars, `metrics`: tags of this directory. Once, as the run begins.
  void add_hparams(const Fields& hparams, const std::vector<std::string>& metrics);
  /// The run of add_hparams() has ended well.
  void end_hparams();

  const std::string& path() const;

 private:
  class File;
  std::unique_ptr<File> file_;
};

struct TensorBoardOptions {
  bool histograms = false;  ///< of all parameters, after each epoch
  std::string text = {};    ///< about the run, such as its options
  Fields hparams = {};      ///< of the run, to compare it with others by its evaluations; empty: none
};

/// Writes a Trainer's numbers as "train/loss" and so on in the steps that are logged, "test/loss" and so on
/// after each epoch. A run that goes on adds a file that takes the place of what was written after its
/// checkpoint.
class FORNAX_API TensorBoard final : public Callback {
 public:
  explicit TensorBoard(std::string directory, TensorBoardOptions options = {})
      : directory_(std::move(directory)), options_(std::move(options)) {}

  void on_fit_begin(Trainer& trainer) override;
  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  void on_fit_end(Trainer& trainer) override;

 private:
  std::string directory_;
  TensorBoardOptions options_;
  std::unique_ptr<SummaryWriter> writer_;
};

}  // namespace fornax::train
