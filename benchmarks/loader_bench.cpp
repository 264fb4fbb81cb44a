// What it costs to load data, in processor time: JPEG files as augmented batches of bytes, against
// libjpeg-turbo by itself; what the loader adds to the copying of samples that are in memory; and how long
// a training waits for such images.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "fornax/fornax.h"
#include "jpeg_files.h"
#include "measure.h"

namespace fornax::bench {
namespace {

namespace fs = std::filesystem;

/// A new directory, removed at the end of the scope.
struct ScratchDirectory {
  ScratchDirectory() { fs::create_directories(path); }
  ~ScratchDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string path = fs::temp_directory_path() / fmt::format("fornax-loader-bench-{}", ::getpid());
};

/// Seconds of processor time that this process took, with all its threads: what others do on a shared machine
/// counts little.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Call>
double time_of(const Call& call) {
  const double begin = processor_seconds();
  call();
  return processor_seconds() - begin;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Calls each of `calls` in turn, round after round, for `seconds`, five rounds at the least after one to
/// warm up. Returns the times of each.
template <class... Calls>
std::vector<std::vector<double>> times_by_turns(double seconds, const Calls&... calls) {
  std::vector<std::vector<double>> times(sizeof...(calls));
  (calls(), ...);
  double spent = 0;
  for (int round = 0; round < 5 || spent < seconds; ++round) {
    std::size_t at = 0;
    (times[at++].push_back(time_of(calls)), ...);
    for (const std::vector<double>& each : times) spent += each.back();
  }
  return times;
}

/// Median over rounds of how much longer the first takes.
double median_ratio(const std::vector<double>& first, const std::vector<double>& second) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < first.size(); ++i) ratios.push_back(first[i] / second[i]);
  return median(ratios);
}

std::vector<std::byte> read(const std::string& path) {
  std::vector<std::byte> bytes(fs::file_size(path));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), std::ssize(bytes));
  if (!file) throw IoError(path, "expected a readable file, got an error");
  return bytes;
}

nlohmann::json images(const std::string& directory, std::int64_t size, double seconds) {
  const data::ImageFolder set(directory, {.size = size, .train = true});
  std::vector<std::vector<std::byte>> files;
  double bytes = 0;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    files.push_back(read(set.name(i)));
    bytes += static_cast<double>(files.back().size());
  }
  std::vector<std::uint8_t> pixels;
  const auto bare = [&] {
    for (const std::vector<std::byte>& file : files) bare_decode(file, pixels);
  };
  std::vector<std::int64_t> indices(files.size());
  std::iota(indices.begin(), indices.end(), 0);
  std::int64_t epoch = 0;
  std::vector<Tensor> parts;
  const auto pipeline = [&] {
    constexpr std::size_t batch = 64;
    for (std::size_t first = 0; first < indices.size(); first += batch)
      parts = set.get_parts(std::span(indices).subspan(first, std::min(batch, indices.size() - first)),
                            {.seed = 1, .epoch = epoch});
    ++epoch;
  };

  const auto [height, width] = bare_decode(files[0], pixels);
  const Tensor whole = data::decode_image(files[0], "image").permute({1, 2, 0});
  if (whole.shape() != Shape{height, width, 3} ||
      std::memcmp(whole.data<std::uint8_t>(), pixels.data(), static_cast<std::size_t>(whole.numel())) != 0)
    throw InternalError("loader_bench", "expected the same pixels from both decoders");

  const auto times = times_by_turns(seconds, bare, pipeline);
  const auto count = static_cast<double>(files.size());
  return {{"images", files.size()},
          {"bytes_per_image", bytes / count},
          {"size", size},
          {"decode_images_per_second", count / median(times[0])},
          {"pipeline_images_per_second", count / median(times[1])},
          {"pipeline_by_decode", median_ratio(times[0], times[1])}};
}

/// An epoch of a loader over rows of `sample_bytes` bytes, in random order, in batches of 128, less the
/// copying of the same rows to such batches: all that the loader does besides, which is the order, a tensor
/// for each sample, the batch's memory and, with a worker, handing it over.
nlohmann::json overhead(double seconds) {
  constexpr std::int64_t count = 16'384, batch_size = 128;
  const Tensor x = zeros({count, 3, 32, 32}, {.dtype = u8});
  const auto set = std::make_shared<data::TensorDataset>(x, arange(count));
  const auto sample_bytes = static_cast<std::size_t>(x.numel() / count);

  const std::vector<std::int64_t> order = data::random_sampler(count, {.seed = 1});
  const auto* from = x.data<std::uint8_t>();
  Tensor batch;
  const auto copy = [&] {
    for (std::int64_t first = 0; first < count; first += batch_size) {
      batch = empty({batch_size, 3, 32, 32}, {.dtype = u8});
      auto* to = batch.data<std::uint8_t>();
      for (std::int64_t i = 0; i < batch_size; ++i)
        std::memcpy(
            to + static_cast<std::size_t>(i) * sample_bytes,
            from + static_cast<std::size_t>(order[static_cast<std::size_t>(first + i)]) * sample_bytes,
            sample_bytes);
    }
  };
  const auto loop = [&](data::DataLoader& loader) {
    std::int64_t seen = 0;
    for (const auto& [images, labels] : loader) seen += images.shape()[0];
    if (seen != count)
      throw InternalError("loader_bench", fmt::format("expected {} samples, got {}", count, seen));
  };
  data::DataLoader alone(set, {.batch_size = batch_size, .shuffle = true, .seed = 1});
  data::DataLoader with_worker(set, {.batch_size = batch_size, .workers = 1, .shuffle = true, .seed = 1});
  const auto times = times_by_turns(
      seconds, copy, [&] { loop(alone); }, [&] { loop(with_worker); });
  const auto us = [](const std::vector<double>& of) { return median(of) / count * 1e6; };
  const double copying = us(times[0]);
  return {{"sample_bytes", sample_bytes},
          {"copy_us", copying},
          {"overhead_us", us(times[1]) - copying},
          {"overhead_with_worker_us", us(times[2]) - copying}};
}

/// Trains ResNet-50 for so many batches of 32 after the first: the share of the time in which it waits for
/// its data.
nlohmann::json training(const std::string& directory, std::int64_t size, std::int64_t batches) {
  const auto set =
      std::make_shared<data::ImageFolder>(directory, data::EncodedImageOptions{.size = size, .train = true});
  data::DataLoader loader(set, {.batch_size = 32, .workers = 1, .shuffle = true});
  const auto model = models::resnet50({.classes = std::ssize(set->classes())});
  optim::SGD optimizer(model->named_parameters(), {.lr = 0.01, .momentum = 0.9});
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin;
  double waited = 0, seen = 0;
  for (std::int64_t made = -1; made < batches;) {
    double waited_in_loop = 0;
    for (const auto& [x, label] : loader) {
      waited += loader.wait_seconds() - std::exchange(waited_in_loop, loader.wait_seconds());
      optimizer.zero_grad();
      cross_entropy((*model)(x), label).backward();
      optimizer.step();
      seen += static_cast<double>(x.size(0));
      if (made++ == -1) {
        begin = Clock::now();
        waited = seen = 0;
      }
      if (made == batches) break;
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return {{"train_images_per_second", seen / seconds}, {"data_wait_percent", 100 * waited / seconds}};
}

}  // namespace
}  // namespace fornax::bench

int main(int argc, char** argv) {
  std::string json, directory;
  double seconds = 5;
  int count = 64;
  std::int64_t size = 224, train_batches = 0;
  CLI::App app{"Times the loading of images and of tensors on one core, and the wait for them in a training"};
  app.add_option("--json", json, "write the result here");
  app.add_option("--data", directory, "JPEGs in a directory for each class; default: some are made");
  app.add_option("--images", count, "how many are made")->capture_default_str()->check(CLI::Range(1, 10'000));
  app.add_option("--size", size, "height and width of what comes out")->capture_default_str();
  app.add_option("--seconds", seconds, "spent on each, at least")->capture_default_str();
  app.add_option("--train-batches", train_batches,
                 "batches of 32 with which ResNet-50 trains on all cores, to see how long it waits for data")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    using namespace fornax::bench;
    const int cores = fornax::num_threads();
    fornax::set_num_threads(1);
    std::optional<ScratchDirectory> scratch;
    if (directory.empty()) {
      scratch.emplace();
      directory = scratch->path;
      make_jpegs(directory, count);
    }
    nlohmann::json result = images(directory, size, seconds);
    result.update(overhead(seconds));
    if (train_batches > 0) {
      fornax::set_num_threads(cores);
      result.update(training(directory, size, train_batches));
    }
    fmt::print("{}\n", result.dump(2));
    if (!json.empty()) write_json(json, result);
  } catch (const std::exception& error) {
    fmt::print(stderr, "loader_bench: {}\n", error.what());
    return 1;
  }
}
