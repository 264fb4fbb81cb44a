#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/tensor/state.h"

/// The files of tests/goldens, which hold what PyTorch computes; their README.md has the names.
namespace fornax::test {

/// One recorded case of an op.
struct GoldenCase {
  std::string op;
  std::string name;
  nlohmann::json attrs;        ///< the PyTorch function's arguments, under its names
  std::vector<Tensor> inputs;  ///< floating ones in f64
  std::vector<Tensor> outputs;
  std::vector<Tensor> dys;    ///< per output: its upstream gradient, undefined if it has none
  std::vector<Tensor> grads;  ///< per input: its gradient, undefined if none is recorded
};
/// What a failing test shows of it.
inline void PrintTo(const GoldenCase& golden, std::ostream* out) {
  *out << golden.op << '/' << golden.name << ' ' << golden.attrs;
}

/// The path of a file of tests/goldens.
std::string golden_path(std::string_view file);

/// A file of tests/goldens, named without its extension.
class GoldenFile {
 public:
  explicit GoldenFile(std::string_view name);

  const State& tensors() const { return tensors_; }
  /// The JSON text that the metadata holds under `key`.
  nlohmann::json json(const std::string& key) const;
  /// Every case, in the order of names.
  std::vector<GoldenCase> cases() const;

 private:
  State tensors_;
  std::map<std::string, std::string> metadata_;
};

/// The hash of tests/goldens/README.md: 64 bits, a number in [-1, 1), or one in [0, limit), for each element
/// of the tensor called `name`.
class GoldenHash {
 public:
  explicit GoldenHash(std::string_view name);
  std::uint64_t bits(std::uint64_t i) const;
  double uniform(std::uint64_t i) const { return static_cast<double>(bits(i) >> 11) * 0x1p-52 - 1; }
  std::int64_t integer(std::uint64_t i, std::uint64_t limit) const {
    return static_cast<std::int64_t>((bits(i) >> 11) % limit);
  }
  double sign(std::uint64_t i) const { return bits(i) >> 63 ? -1 : 1; }

 private:
  std::uint64_t seed_;
};

/// The f64 tensor of offset + scale * uniform(i).
Tensor golden_uniform(std::string_view name, const Shape& shape, double offset = 0, double scale = 1);

/// Fails the running test unless `got`, cast to f64, has the shape of `want` and each entry is within
/// `tolerance` times (its own size + the largest in `want`); NaN and infinity must be where `want` has them.
void expect_near_golden(const Tensor& got, const Tensor& want, double tolerance, const std::string& what);

}  // namespace fornax::test
