// Copies, products and roles that are used as they should be, and how roles end.
#include <utility>

#include "testing/planted_roles.h"

namespace tile {
namespace {

// Catches a false alarm, which would teach people to look away.
TEST(CheckedMode, ReportsNothingOfARightKernel) {
  for (std::uint64_t schedule = 0; schedule < 200; ++schedule) {
    const auto produce = [](Shared& s) {
      for (int n = 0; n < 4; ++n) s.fetch(n);
    };
    const auto consume = [](Shared& s) {
      fill(s.Q, 1);
      fill(s.m, 0);
      for (int n = 0; n < 4; ++n) {
        wait(s.K.full(n), s.K.parity(n));
        mma_ABt_async(s.S, s.Q, s.K[n]);
        commit_products(s.block);
        wait_products<0>(s.block);
        arrive(s.K.empty(n));
        add_row_sum(s.m, s.S);
      }
    };
    EXPECT_EQ(report(schedule, produce, consume), "");
  }
}

// Products into one accumulator need no wait between them.
TEST(Products, FollowOneAnotherIntoOneAccumulator) {
  float sum = 0;
  const auto consume = [&](Shared& s) {
    product(s);
    wait_products<0>(s.block);
    convert(s.P, s.S);
    fill(s.O, 0);
    for (int i = 0; i < 3; ++i) {
      mma_AB_async(s.O, s.P, s.K[0]);
      commit_products(s.block);
    }
    wait_products<0>(s.block);
    sum = s.O.data[0];
  };
  EXPECT_EQ(report(
                0, [](Shared& s) { s.fetch(0); }, consume),
            "");
  EXPECT_EQ(sum, 3.0f * size * size);
}

// Without checking a deadlock ends the program's wait too.
TEST(Deadlock, IsReportedWithoutChecking) {
  cpu::Device device;
  EXPECT_THROW(launch_lambda(device, "planted", {1, 1, 1}, DType::f32,
                             [](cpu::Block& block) {
                               Barrier<cpu::Block> never(block, "never", 1);
                               warpgroups(block, role("waiter", [&] { wait(never, 0); }));
                             }),
               TileError);
}

// Nor is it a crash where a block has no roles: nothing but its own copies could end the wait.
TEST(Deadlock, IsReportedWithoutRoles) {
  cpu::Device device;
  EXPECT_THROW(launch_lambda(device, "planted", {1, 1, 1}, DType::f32,
                             [](cpu::Block& block) {
                               Barrier<cpu::Block> never(block, "never", 1);
                               wait(never, 0);
                             }),
               TileError);
}

// An error in one role ends the others, and leaves the device usable.
TEST(Roles, AnErrorInOneEndsAll) {
  cpu::Device device;
  bool unwound = false;
  const auto kernel = [&](cpu::Block& block) {
    struct Guard {
      bool& flag;
      ~Guard() { flag = true; }
    };
    Barrier<cpu::Block> never(block, "never", 1);
    warpgroups(block,
               role("waiter",
                    [&] {
                      const Guard guard{unwound};
                      wait(never, 0);
                    }),
               role("failing", [&] { block.fail("on purpose"); }));
  };
  for (int i = 0; i < 3; ++i) {
    try {
      launch_lambda(device, "planted", {1, 1, 1}, DType::f32, kernel);
      FAIL();
    } catch (const TileError& error) {
      EXPECT_STREQ(error.what(), "planted, block (0, 0, 0), failing: on purpose");
    }
    EXPECT_TRUE(std::exchange(unwound, false));
  }
}

}  // namespace
}  // namespace tile
