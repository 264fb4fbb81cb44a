#include "datasets.h"

#include <algorithm>
#include <iterator>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace fx = fornax;
namespace data = fornax::data;

namespace {

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

/// Sets of one kind.
template <class Set>
Datasets datasets(std::shared_ptr<Set> train, std::shared_ptr<Set> test, std::int64_t classes,
                  const std::vector<std::string>& class_names = {}) {
  const auto& options = test->options();
  return {.train = std::move(train),
          .test = std::move(test),
          .classes = classes,
          .class_names = class_names,
          .mean = options.mean,
          .stddev = options.stddev};
}

/// The shards that `pattern`, which names those for training, names with `val` or `validation` for each
/// `train` that is not a part of a longer word, and with any number for a range: there are fewer of them.
std::vector<std::string> validation_shards(const std::string& pattern) {
  static const std::regex range("\\{[0-9]+\\.\\.[0-9]+\\}"), train("(^|[^A-Za-z])train(?![A-Za-z])");
  const std::string any = std::regex_replace(pattern, range, "*");
  for (const char* const word : {"val", "validation"}) {
    const std::string other = std::regex_replace(any, train, std::string("$1") + word);
    if (other == any) break;
    try {
      return data::expand_shards(other);
    } catch (const fx::IoError&) {  // not called so
    }
  }
  throw fx::ValueError("--data",
                       "expected a pattern with \"train\", and files that match it with \"val\" or "
                       "\"validation\" instead, got " +
                           pattern);
}

/// One more than the highest label.
std::int64_t count_classes(const data::EncodedImages& set) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < set.size(); ++i) count = std::max(count, set.label(i) + 1);
  return count;
}

/// The sets of shards that `open` opens, of paths and options.
template <class Open>
Datasets open_shards(const std::string& pattern, data::EncodedImageOptions images, Open open) {
  const auto test = open(validation_shards(pattern), images);
  images.train = true;
  const auto train = open(data::expand_shards(pattern), images);
  Datasets sets = datasets(train, test, std::max(count_classes(*train), count_classes(*test)));
  sets.order = data::shard_sampler(train->shard_sizes());
  return sets;
}

/// What is added to labels so that they count from 0: those of TF-Slim's ImageNet count from 1.
std::int64_t label_offset(const std::vector<std::string>& paths) {
  const data::TFRecordDataset set(paths, {});
  std::int64_t lowest = set.label(0);
  for (std::int64_t i = 1; i < set.size(); ++i) lowest = std::min(lowest, set.label(i));
  return lowest == 1 ? -1 : 0;
}

}  // namespace

Datasets open_datasets(const Options& options) {
  using data::Split;
  const auto colon = options.data.find(':');
  const std::string name = options.data.substr(0, colon);
  const std::string directory = colon == std::string::npos ? "" : options.data.substr(colon + 1);
  if (name == "fashion-mnist") {
    const std::string from = directory.empty() ? "/usr/share/datasets/fashion-mnist" : directory;
    data::ImageOptions plain = fit(28, options.size);
    plain.channels = 3;
    const auto train = data::fashion_mnist(from, Split::train, plain);
    return datasets(train, data::fashion_mnist(from, Split::test, plain), 10,
                    {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
                     "Bag", "Ankle boot"});
  }
  if ((name == "cifar10" || name == "cifar100") && !directory.empty()) {
    const data::ImageOptions plain = fit(32, options.size);
    data::ImageOptions varied = plain;
    varied.crop_padding = 4;
    varied.flip = true;
    if (name == "cifar100") {
      const auto train = data::cifar100(directory, Split::train, varied);
      return datasets(train, data::cifar100(directory, Split::test, plain), 100);
    }
    const auto train = data::cifar10(directory, Split::train, varied);
    return datasets(
        train, data::cifar10(directory, Split::test, plain), 10,
        {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"});
  }
  data::EncodedImageOptions images{.size = options.size, .skip_corrupt = options.skip_corrupt};
  if (name == "imagefolder" && !directory.empty()) {
    const auto test = std::make_shared<data::ImageFolder>(directory + "/val", images);
    images.train = true;
    const auto train = std::make_shared<data::ImageFolder>(directory + "/train", images);
    if (train->classes() != test->classes())
      throw fx::ValueError(
          "--data", "expected train and val of " + directory + " to have the same classes, got others");
    return datasets(train, test, std::ssize(train->classes()), train->classes());
  }
  if (name == "wds" && !directory.empty())
    return open_shards(directory, images, [](auto paths, const auto& how) {
      return std::make_shared<data::WebDataset>(std::move(paths), how);
    });
  if (name == "tfrecord" && !directory.empty()) {
    const data::TFRecordOptions records{.label_offset = label_offset(data::expand_shards(directory))};
    return open_shards(directory, images, [&](auto paths, const auto& how) {
      return std::make_shared<data::TFRecordDataset>(std::move(paths), how, records);
    });
  }
  if (name == "synthetic") {
    const auto patterns = std::make_shared<data::ImageDataset>(
        data::synthetic_images({.height = options.size, .width = options.size, .seed = options.seed}),
        data::ImageOptions{.mean = {0.5f}, .stddev = {0.25f}});
    return datasets(patterns, patterns, 10);
  }
  throw fx::ValueError(
      "--data",
      "expected fashion-mnist[:DIR], cifar10:DIR, cifar100:DIR, imagefolder:DIR, wds:GLOB, tfrecord:GLOB or "
      "synthetic, got " +
          options.data);
}
