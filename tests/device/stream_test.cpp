// On the CPU every stream is the same and all of this does nothing.
#include "fornax/device/stream.h"

#include <gtest/gtest.h>

#include <utility>

#include "fornax/device/storage.h"

namespace fornax {
namespace {

TEST(CpuStream, IsOneForAllAndNeverWaits) {
  const Stream stream = current_stream(Device::cpu());
  EXPECT_EQ(stream, Stream{});
  stream.synchronize();
  {
    const StreamGuard guard(stream);
    EXPECT_EQ(current_stream(Device::cpu()), stream);
  }
  EXPECT_EQ(current_stream(Device::cpu()), stream);
}

TEST(CpuStream, EventsAreReachedAtOnce) {
  const Event never;
  never.synchronize();
  never.wait_on(Stream{});
  Event event(Stream{});
  event.wait_on(Stream{});
  Event moved = std::move(event);
  moved.synchronize();
  moved = Event(Stream{});
  moved.synchronize();
}

TEST(CpuStream, IsTheHomeOfAllHostMemory) {
  const Ref<Storage> storage = Storage::allocate(64, Device::cpu());
  storage->used_on(Stream{});
  storage->move_home(Stream{}, Event(Stream{}));
  EXPECT_EQ(storage->home(), Stream{});
  EXPECT_EQ(storage->device(), Device::cpu());
}

}  // namespace
}  // namespace fornax
