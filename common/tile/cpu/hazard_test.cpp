// Plants each misuse of copies, products and barriers, and asks for its report by name, whatever
// the schedule of the roles.
#include "testing/planted_roles.h"

namespace tile {
namespace {

TEST(Hazard, TileReadBeforeItsBarrier) {
  expect_report(
      ", consumer: mma_ABt reads K[0] before waiting for barrier K full[0], at which its "
      "load_async arrives",
      [](Shared& s) {
        s.fetch(0);
        sync(s.done);
      },
      [](Shared& s) {
        fill(s.Q, 1);
        sync(s.done);  // the copy has been issued, and may have arrived
        mma_ABt(s.S, s.Q, s.K[0]);
      });
}

// The first cause is the arrival, though the consumer reads too early.
TEST(Hazard, ArrivalThatExpectsNoBytes) {
  expect_report(
      ", consumer: producer completed phase 0 of barrier K full[0] by an arrival that expects no "
      "bytes: mma_ABt reads K[0] before its load_async has arrived",
      [](Shared& s) {
        arrive(s.K.full(0));
        load_async(s.K[0], s.hbm.K, 0, s.K.full(0));
        sync(s.done);
      },
      [](Shared& s) {
        fill(s.Q, 1);
        sync(s.done);  // the copy has been issued, and may have arrived
        wait(s.K.full(0), 0);
        mma_ABt(s.S, s.Q, s.K[0]);
      });
}

// Which of the two is late depends on the schedule; both orders are reported.
TEST(Hazard, TileOverwrittenBeforeItsReadersReleasedIt) {
  const auto produce = [](Shared& s) {
    s.fetch(0);
    wait(s.K.full(0), 0);
    arrive_and_expect(s.K.full(1), s.tile_bytes());  // without waiting for `empty`
    load_async(s.K[1], s.hbm.K, 0, s.K.full(1));
    sync(s.done);
  };
  const auto consume = [](Shared& s) {
    fill(s.Q, 1);
    wait(s.K.full(0), 0);
    mma_ABt(s.S, s.Q, s.K[0]);
    sync(s.done);
  };
  int overwritten = 0;
  for (std::uint64_t schedule = 0; schedule < 50; ++schedule) {
    const std::string text = report(schedule, produce, consume);
    if (text ==
        "planted, block (0, 0, 0), producer: load_async overwrites K[0] before consumer, which "
        "used it in mma_ABt, has released it")
      ++overwritten;
    else
      EXPECT_TRUE(text.find("consumer: mma_ABt reads K[0] before waiting for barrier K full[0]") !=
                      std::string::npos ||
                  text.find("consumer: lapped: waits for phase 0 of barrier K full[0]") !=
                      std::string::npos)
          << text;
  }
  EXPECT_GT(overwritten, 0);
}

TEST(Hazard, ResultOfAProductReadBeforeItsWait) {
  expect_report(
      ", consumer: update_row_max reads S, the result of consumer's product, before waiting for it",
      [](Shared& s) { s.fetch(0); },
      [](Shared& s) {
        product(s);
        fill(s.m, 0);
        update_row_max(s.m, s.S);
      });
}

// Catches wait_products that waits for the oldest group only by luck.
TEST(Hazard, ResultOfTheLatestGroupStillInFlight) {
  expect_report(
      ", consumer: add_row_sum reads O, the result of consumer's product, before waiting for it",
      [](Shared& s) { s.fetch(0); },
      [](Shared& s) {
        product(s);
        fill(s.m, 0);
        mma_ABt_async(s.O, s.Q, s.K[0]);
        commit_products(s.block);
        wait_products<1>(s.block);
        add_row_sum(s.m, s.S);
        add_row_sum(s.m, s.O);
      });
}

TEST(Hazard, OperandOfAProductInFlightOverwritten) {
  expect_report(
      ", consumer: fill overwrites Q, an operand of consumer's product in flight",
      [](Shared& s) { s.fetch(0); },
      [](Shared& s) {
        product(s);
        fill(s.Q, 0);
      });
}

TEST(Hazard, SlotReleasedBeforeItsProductIsDone) {
  const auto produce = [](Shared& s) {
    s.fetch(0);
    s.fetch(1);
  };
  const auto consume = [](Shared& s) {
    product(s);
    arrive(s.K.empty(0));  // before wait_products
    sync(s.done);
  };
  expect_report(
      ", producer: load_async overwrites K[0], an operand of consumer's product in flight", produce,
      consume);
}

TEST(Hazard, DeadlockNamesEveryRoleAndBarrier) {
  expect_report(
      ": no role can go on: producer waits for barrier K empty[0], phase 0: 0 of 1 arrivals; "
      "consumer waits for named barrier done: 1 of 2 arrivals",
      [](Shared& s) {
        s.fetch(0);
        s.fetch(1);
      },
      [](Shared& s) { sync(s.done); });
}

TEST(Hazard, MoreBytesThanExpected) {
  expect_report(
      ", producer: more bytes than expected: barrier K full[0], phase 0: 1 of 1 arrivals, 8192 "
      "bytes expected and 16384 on their way",
      [](Shared& s) {
        arrive_and_expect(s.K.full(0), s.tile_bytes() / 2);
        load_async(s.K[0], s.hbm.K, 0, s.K.full(0));
      },
      nothing);
}

TEST(Hazard, FewerBytesThanExpected) {
  expect_report(
      ": no role can go on: K full[0] is told of more bytes than are copied: consumer waits for "
      "barrier K full[0], phase 0: 1 of 1 arrivals, 32768 bytes expected and 16384 on their way",
      [](Shared& s) {
        arrive_and_expect(s.K.full(0), 2 * s.tile_bytes());
        load_async(s.K[0], s.hbm.K, 0, s.K.full(0));
      },
      [](Shared& s) { wait(s.K.full(0), 0); });
}

TEST(Hazard, PhaseLapped) {
  expect_report(
      ", consumer: lapped: waits for phase 0 of barrier K empty[0], and phase 1 is complete as "
      "well",
      [](Shared& s) {
        arrive(s.K.empty(0));
        arrive(s.K.empty(0));
        sync(s.done);
      },
      [](Shared& s) {
        sync(s.done);
        wait(s.K.empty(0), 0);
      });
}

TEST(Hazard, ArrivalTooMany) {
  expect_report(
      ", producer: an arrival too many: barrier K full[0], phase 0: 1 of 1 arrivals, 64 bytes "
      "expected and 0 on their way",
      [](Shared& s) {
        arrive_and_expect(s.K.full(0), 64);
        arrive(s.K.full(0));
      },
      nothing);
}

// The later of the two is reported, whichever the schedule makes it.
TEST(Hazard, TwoRolesWriteATile) {
  const auto write = [](Shared& s) { fill(s.Q, 1); };
  for (std::uint64_t schedule = 0; schedule < 20; ++schedule) {
    const std::string text = report(schedule, write, write);
    const std::string first = ", consumer: fill overwrites Q, which producer wrote in fill";
    const std::string second = ", producer: fill overwrites Q, which consumer wrote in fill";
    const std::string place = "planted, block (0, 0, 0)", end = " with no barrier between";
    EXPECT_TRUE(text == place + first + end || text == place + second + end) << text;
  }
}

// Catches a write and a read by different roles that only the schedule keeps apart.
TEST(Hazard, TileReadThatAnotherRoleWrites) {
  const auto write = [](Shared& s) {
    fill(s.Q, 1);
    sync(s.done);
    fill(s.Q, 2);
  };
  const auto read = [](Shared& s) {
    sync(s.done);
    copy(s.S, s.Q);
  };
  for (std::uint64_t schedule = 0; schedule < 20; ++schedule) {
    const std::string text = report(schedule, write, read), place = "planted, block (0, 0, 0)";
    EXPECT_TRUE(text == place +
                            ", consumer: copy reads Q, which producer wrote in fill with no "
                            "barrier between" ||
                text == place +
                            ", producer: fill overwrites Q before consumer, which used it in "
                            "copy, has released it")
        << text;
  }
}

TEST(Hazard, KernelEndsWithACopyInFlight) {
  EXPECT_EQ(report(
                0, [](Shared& s) { s.fetch(0); }, nothing),
            "planted, block (0, 0, 0): ends with a load_async in flight");
}

TEST(Hazard, RoleEndsWithAProductInFlight) {
  expect_report(
      ", consumer: ends with a product in flight", [](Shared& s) { s.fetch(0); }, product);
}

}  // namespace
}  // namespace tile
