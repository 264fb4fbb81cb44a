// Policy: words come from the level's Philox kernel in pieces that stay in the first-level cache; what turns
// them into numbers is the same code at all levels, so that the numbers are too.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "ops/common/packed_row.h"
#include "ops/random/numbers.h"
#include "ops/random/random_op.h"
#include "ops/random/words.h"

namespace fornax::ops {
namespace {

constexpr std::int64_t piece = 256;

/// A call's arguments, and the Philox kernel of the level that it was made at.
struct Source : Random {
  decltype(cpu::PhiloxKernels::words) words;
};

/// Calls `use(words, base, from, to)` on pieces that cover the elements [first, first + count): `words` has
/// `per_element` words for each i in [from, to), which is element first + base + i. Pieces start at even
/// elements, so that pairs stay together, and may have words for one element more.
template <class Use>
void for_each_piece(const Source& args, int per_element, std::int64_t first, std::int64_t count, Use&& use) {
  std::uint32_t words[2 * piece];
  const std::int64_t last = first + count;
  for (std::int64_t at = first - first % 2; at < last; at += piece) {
    const std::int64_t length = std::min(piece, last + last % 2 - at);
    args.words(args.draw.seed, args.draw.offset, static_cast<std::uint64_t>(at * per_element),
               length * per_element, words);
    use(words, at - first, std::max<std::int64_t>(first - at, 0), std::min(last - at, piece));
  }
}

template <class T>
void uniform(const Source& args, T* y, std::int64_t first, std::int64_t count) {
  using A = accumulate_t<T>;
  constexpr int each = std::is_same_v<T, double> ? 2 : 1;
  const A low = args.a.to<A>(), width = static_cast<A>(args.b.real() - args.a.real());
  for_each_piece(args, each, first, count,
                 [&](const std::uint32_t* words, std::int64_t base, std::int64_t from, std::int64_t to) {
                   for (std::int64_t i = from; i < to; ++i)
                     y[base + i] = T(low + width * fraction<T>(words + each * i));
                 });
}

template <class T>
void normal(const Source& args, T* y, std::int64_t first, std::int64_t count) {
  using A = accumulate_t<T>;
  using Fraction = std::conditional_t<std::is_same_v<T, double>, double, float>;
  constexpr int each = std::is_same_v<T, double> ? 2 : 1;
  const A mean = args.a.to<A>(), deviation = args.b.to<A>();
  for_each_piece(
      args, each, first, count,
      [&](const std::uint32_t* words, std::int64_t base, std::int64_t from, std::int64_t to) {
        for (std::int64_t i = 0; i < to; i += 2) {
          const A u1 = fraction<Fraction>(words + each * i), u2 = fraction<Fraction>(words + each * (i + 1));
          const A radius = std::sqrt(A(-2) * std::log(A(1) - u1)), angle = 2 * std::numbers::pi_v<A> * u2;
          if (i >= from) y[base + i] = T(mean + deviation * (radius * std::cos(angle)));
          if (i + 1 < to) y[base + i + 1] = T(mean + deviation * (radius * std::sin(angle)));
        }
      });
}

template <class T>
void bernoulli(const Source& args, T* y, std::int64_t first, std::int64_t count) {
  const std::uint32_t threshold = threshold_of(args.a.real());
  const T one = Scalar(1).to<T>(), zero = Scalar(0).to<T>();
  for_each_piece(args, 1, first, count,
                 [&](const std::uint32_t* words, std::int64_t base, std::int64_t from, std::int64_t to) {
                   for (std::int64_t i = from; i < to; ++i)
                     y[base + i] = words[i] >> 8 < threshold ? one : zero;
                 });
}

template <class T>
void integers(const Source& args, T* y, std::int64_t first, std::int64_t count) {
  const auto low = args.a.to<std::int64_t>();
  const auto range = static_cast<std::uint64_t>(args.b.to<std::int64_t>()) - static_cast<std::uint64_t>(low);
  for_each_piece(args, 2, first, count,
                 [&](const std::uint32_t* words, std::int64_t base, std::int64_t from, std::int64_t to) {
                   for (std::int64_t i = from; i < to; ++i) {
                     const std::uint64_t above = scaled(range, words[2 * i], words[2 * i + 1]);
                     y[base + i] =
                         Scalar(static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + above)).to<T>();
                   }
                 });
}

void run(const Random& random) {
  const Source args{random, cpu::philox_kernels().words};
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    cpu::for_each_indexed_row(
        [&](const auto& data, std::int64_t count, std::int64_t index) {
          T* y = reinterpret_cast<T*>(data[0]);
          switch (args.kind) {
            case RandomKind::uniform:
            case RandomKind::normal:
              if constexpr (!std::is_integral_v<T>)
                (args.kind == RandomKind::uniform ? uniform<T> : normal<T>)(args, y, index, count);
              break;
            case RandomKind::bernoulli: return bernoulli(args, y, index, count);
            case RandomKind::integers: return integers(args, y, index, count);
          }
        },
        args.y);
  });
}

dispatch::Refusal can_run(const Random& args) {
  const bool floating_only = args.kind == RandomKind::uniform || args.kind == RandomKind::normal;
  return floating_only && !is_floating(args.y.dtype) ? "uniform and normal are for floating dtypes"
                                                     : dispatch::accepts;
}

void permute(const RandomPermutation& args) {
  struct Entry {
    std::uint64_t key;
    std::int64_t index;
    bool operator<(const Entry& other) const {
      return key != other.key ? key < other.key : index < other.index;
    }
  };
  std::vector<Entry> entries(static_cast<std::size_t>(args.y.numel()));
  for (std::size_t i = 0; i < entries.size(); ++i)
    entries[i] = {permutation_key(args.draw.seed, args.draw.offset, i), static_cast<std::int64_t>(i)};
  std::sort(entries.begin(), entries.end());
  for (std::size_t i = 0; i < entries.size(); ++i)
    args.y.ptr<std::int64_t>()[static_cast<std::int64_t>(i) * args.y.strides[0]] = entries[i].index;
}

}  // namespace

constinit const dispatch::Kernel<Random> random_cpu{{"philox", DeviceType::cpu, all_dtypes}, can_run, run};
constinit const dispatch::Kernel<RandomPermutation> random_permutation_cpu{
    {"sort", DeviceType::cpu, {i64}}, [](const RandomPermutation&) { return dispatch::accepts; }, permute};

}  // namespace fornax::ops
