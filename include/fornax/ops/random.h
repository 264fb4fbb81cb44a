#pragma once

#include <cstdint>
#include <mutex>

#include "fornax/tensor/state.h"
#include "fornax/tensor/tensor.h"

/// Reproducible random numbers. A draw takes the generator's seed and offset and raises the offset by one;
/// element i of the result (in row-major order, whatever the strides are) is a function of seed, offset and i
/// alone: of the words philox(seed, w / 4, offset)[w % 4] of fornax/base/philox.h. So the numbers are the
/// same for any number of threads, memory format and device; those that need a logarithm or a cosine agree
/// between devices up to rounding.
namespace fornax {

/// Where random numbers come from: a seed, and how many draws were taken. Thread-safe.
class FORNAX_API Generator {
 public:
  /// What one draw is made of.
  struct Draw {
    std::uint64_t seed, offset;
  };

  explicit Generator(std::uint64_t seed = 0) : next_{seed, 0} {}
  /// Starts anew from this seed.
  void manual_seed(std::uint64_t seed);
  /// Takes the next draw.
  Draw draw();
  /// Entries "seed" and "offset".
  State state() const;
  /// Goes on where another generator stopped. Throws ValueError if an entry is missing.
  void load_state(const State& state);

 private:
  mutable std::mutex mutex_;
  Draw next_;
};

/// The generator that random functions use on this thread: a GeneratorGuard's, else the one of the process,
/// whose seed is 0 at the start.
FORNAX_API Generator& default_generator();
/// Seeds default_generator().
FORNAX_API void manual_seed(std::uint64_t seed);

/// While alive, random functions on this thread use `generator`, which must outlive the guard.
class FORNAX_API GeneratorGuard {
 public:
  explicit GeneratorGuard(Generator& generator);
  ~GeneratorGuard();
  GeneratorGuard(const GeneratorGuard&) = delete;
  GeneratorGuard& operator=(const GeneratorGuard&) = delete;

 private:
  Generator* before_;
};

/// Uniform in [0, 1), in steps of the dtype's precision. Throws DTypeError unless it is floating.
FORNAX_API Tensor rand(const Shape& shape, const TensorOptions& options = {});
/// Normal with mean 0 and standard deviation 1 (Box and Muller's transform). Throws DTypeError unless the
/// dtype is floating.
FORNAX_API Tensor randn(const Shape& shape, const TensorOptions& options = {});
/// Uniform integers in [low, high). Throws ValueError if there is none or the dtype does not hold them.
FORNAX_API Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
                          const TensorOptions& options = {.dtype = i64});
/// A permutation of 0..n-1 as i64: the indices in the order of their 64-bit random keys.
FORNAX_API Tensor randperm(std::int64_t n, Device device = {});

/// Overwrites x with numbers uniform in [low, high), where rounding to the dtype may reach `high` (as f32
/// does twice in 2^24 draws between 1 and 2), and likewise below; each returns x. Throws DTypeError unless x
/// is floating (bernoulli_: any dtype), ValueError if a parameter is out of range, AutogradError if x may not
/// be written in place.
FORNAX_API Tensor& uniform_(Tensor& x, double low = 0, double high = 1);
FORNAX_API Tensor& normal_(Tensor& x, double mean = 0, double standard_deviation = 1);
/// 1 with probability p, else 0.
FORNAX_API Tensor& bernoulli_(Tensor& x, double p = 0.5);

}  // namespace fornax
