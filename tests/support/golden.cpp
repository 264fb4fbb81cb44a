#include "support/golden.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fornax/io/safetensors.h"

namespace fornax::test {
namespace {

/// `<key>/<kind>0`, `<key>/<kind>1`, ... for as long as there is one, and up to `at_least`, where gaps are
/// undefined.
std::vector<Tensor> numbered(const State& tensors, const std::string& key, std::string_view kind,
                             std::size_t at_least = 0) {
  std::vector<Tensor> found;
  for (std::size_t i = 0;; ++i) {
    const Tensor* tensor = tensors.find(fmt::format("{}/{}{}", key, kind, i));
    if (!tensor && i >= at_least) return found;
    found.push_back(tensor ? *tensor : Tensor());
  }
}

}  // namespace

std::string golden_path(std::string_view file) { return fmt::format("{}/{}", FORNAX_GOLDENS, file); }

GoldenFile::GoldenFile(std::string_view name) {
  io::Safetensors file = io::load_safetensors(golden_path(fmt::format("{}.safetensors", name)));
  tensors_ = std::move(file.tensors);
  metadata_ = std::move(file.metadata);
}

nlohmann::json GoldenFile::json(const std::string& key) const {
  return nlohmann::json::parse(metadata_.at(key));
}

std::vector<GoldenCase> GoldenFile::cases() const {
  std::vector<GoldenCase> found;
  for (const auto& [key, attrs] : metadata_) {
    const std::size_t slash = key.find('/');
    GoldenCase golden{.op = key.substr(0, slash), .name = key.substr(slash + 1), .attrs = json(key)};
    golden.inputs = numbered(tensors_, key, "in");
    golden.outputs = numbered(tensors_, key, "out");
    golden.dys = numbered(tensors_, key, "dy", golden.outputs.size());
    golden.grads = numbered(tensors_, key, "grad", golden.inputs.size());
    found.push_back(std::move(golden));
  }
  return found;
}

GoldenHash::GoldenHash(std::string_view name) : seed_(0xcbf29ce484222325u) {
  for (const char c : name) seed_ = (seed_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
}

std::uint64_t GoldenHash::bits(std::uint64_t i) const {
  std::uint64_t z = (seed_ ^ i) + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Tensor golden_uniform(std::string_view name, const Shape& shape, double offset, double scale) {
  const GoldenHash hash(name);
  std::vector<double> values(static_cast<std::size_t>(shape.product()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = offset + scale * hash.uniform(i);
  return from_span<double>(values, shape);
}

void expect_near_golden(const Tensor& got, const Tensor& want, double tolerance, const std::string& what) {
  ASSERT_TRUE(got.defined()) << what << " is missing";
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const std::vector<double> a = got.detach().to(f64).to_vector<double>(),
                            b = want.to(f64).to_vector<double>();
  double largest = 0;
  for (const double value : b)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    ASSERT_LE(std::abs(a[i] - b[i]), tolerance * (std::abs(b[i]) + largest))
        << fmt::format("{} at entry {}: got {:.17g}, want {:.17g}", what, i, a[i], b[i]);
  }
}

}  // namespace fornax::test
