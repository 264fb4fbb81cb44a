#pragma once

#include <cstdint>

#include "base/file.h"
#include "fornax/base/function_ref.h"

/// Reading messages in the wire format of Protocol Buffers
/// (https://protobuf.dev/programming-guides/encoding).
namespace fornax::data {

/// Where a message, or anything that has a length, lies in a file.
struct Extent {
  std::uint64_t begin = 0, end = 0;
  std::uint64_t size() const { return end - begin; }
};

/// Calls `use` with each field `number` of the message that has a length: texts, bytes, messages and packed
/// numbers. All other fields are passed over, without a look at what they hold. Throws IoError naming the
/// file and the offset where there is no such message.
void for_each_extent(FileWindow& file, Extent message, std::uint64_t number, FunctionRef<void(Extent)> use);

/// Calls `use` with each value of field `number`, a repeated int64, packed or not. Throws IoError likewise.
void for_each_int64(FileWindow& file, Extent message, std::uint64_t number,
                    FunctionRef<void(std::int64_t)> use);

}  // namespace fornax::data
