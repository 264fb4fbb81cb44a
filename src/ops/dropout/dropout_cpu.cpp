// Policy: the mask is made again wherever it is needed, in pieces that stay in the first-level cache.
#include "ops/common/packed_row.h"
#include "ops/dropout/dropout_op.h"
#include "ops/dropout/dropout_rows.h"
#include "ops/random/numbers.h"
#include "ops/random/words.h"

namespace fornax::ops {
namespace {

cpu::DropoutRow row_for(DType dtype) {
  const cpu::DropoutKernels& kernels = cpu::dropout_kernels();
  switch (dtype) {
    case f64: return kernels.f64;
    case f16: return kernels.f16;
    case bf16: return kernels.bf16;
    default: return kernels.f32;
  }
}

void run(const Dropout& args) {
  constexpr std::int64_t piece = 512;
  const cpu::DropoutRow row = row_for(args.y.dtype);
  const auto words_of = cpu::philox_kernels().words;
  const auto size = static_cast<std::int64_t>(size_of(args.y.dtype));
  const std::uint32_t threshold = threshold_of(args.p);
  const double scale = args.p < 1 ? 1 / (1 - args.p) : 0;
  cpu::for_each_indexed_row(
      [&](const auto& data, std::int64_t count, std::int64_t index) {
        std::uint32_t words[piece];
        for (std::int64_t at = 0; at < count; at += piece) {
          const std::int64_t length = std::min(piece, count - at);
          words_of(args.draw.seed, args.draw.offset, static_cast<std::uint64_t>(index + at), length, words);
          row(data[0] + at * size, data[1] + at * size, words, threshold, scale, length);
        }
      },
      args.y, args.x);
}

}  // namespace

constinit const dispatch::Kernel<Dropout> dropout_cpu{
    {"philox", DeviceType::cpu, floating_dtypes}, [](const Dropout&) { return dispatch::accepts; }, run};

}  // namespace fornax::ops
