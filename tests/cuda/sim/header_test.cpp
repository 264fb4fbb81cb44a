#include "cuda/sim/header_values.h"

#include <gtest/gtest.h>

namespace fornax::sim {
namespace {

TEST(SimHeader, ValuesAreThoseOfTheToolkit) { EXPECT_EQ(own_header_values(), header_values()); }

}  // namespace
}  // namespace fornax::sim
