// Of each deadlock, the first cause comes before all that waits, whatever the schedule.
#include <gtest/gtest.h>

#include <algorithm>

#include "testing/planted_roles.h"

namespace tile {
namespace {

void use(Shared& s, std::int64_t n) {
  fill(s.Q, 1);
  wait(s.K.full(n), s.K.parity(n));
  mma_ABt(s.S, s.Q, s.K[n]);
}

void fetch_twice(Shared& s) {
  s.fetch(0);
  s.fetch(1);
}

void expect_cause(const std::string& cause, const auto& produce, const auto& consume) {
  for (std::uint64_t schedule = 0; schedule < 20; ++schedule) {
    const std::string text = report(schedule, produce, consume);
    const std::string begin = "planted, block (0, 0, 0): no role can go on: " + cause + ": ";
    EXPECT_EQ(text.substr(0, begin.size()), begin) << "schedule " << schedule << "\n" << text;
  }
}

TEST(Deadlock, AReaderHasEndedWithoutReleasing) {
  expect_cause("consumer has ended and never arrives at K empty[0]", fetch_twice,
               [](Shared& s) { use(s, 0); });
}

TEST(Deadlock, NobodyReadsATile) {
  expect_cause("consumer has ended and never arrives at K empty[0], and nobody has read K[0]",
               fetch_twice, nothing);
}

TEST(Deadlock, TheProducerHasEnded) {
  expect_cause(
      "producer has ended and never arrives at K full[0] in phase 1", [](Shared& s) { s.fetch(0); },
      [](Shared& s) {
        use(s, 0);
        arrive(s.K.empty(0));
        use(s, 1);
      });
}

TEST(Deadlock, AReaderWaitsForTheNextTileWithoutReleasingThis) {
  expect_cause("consumer never arrives at K empty[0]", fetch_twice, [](Shared& s) {
    use(s, 0);
    use(s, 1);
  });
}

TEST(Deadlock, WaitForTheReleaseOfATileThatIsNotThere) {
  expect_cause(
      "producer waits for the release of K[0], and nothing was copied into it",
      [](Shared& s) {
        wait(s.K.empty(0), 0);  // in place of 1
        s.fetch(0);
      },
      [](Shared& s) { use(s, 0); });
}

// Two consumers of K and V. `consume` gets its number.
template <class Consume>
std::string report_of_two(std::uint64_t schedule, int uses, const Consume& consume) {
  cpu::Device device;
  device.set_checked(true);
  device.set_schedule(schedule);
  try {
    launch_lambda(device, "planted", {1, 1, 1}, DType::f32, [&](cpu::Block& block) {
      using Tile = RightTile<cpu::Block, 32, 32>;
      struct {
        cpu::Block& block;
        Ring<cpu::Block, Tile, 2> K, V;
        NamedBarrier<cpu::Block> turn[2];
      } s{block, {block, "K", 2}, {block, "V", 2}, {{block, "turn[0]", 2}, {block, "turn[1]", 2}}};
      Hbm hbm;
      const auto fetch = [&](auto& ring, std::int64_t n) {
        wait(ring.empty(n), ring.parity(n) ^ 1);
        arrive_and_expect(ring.full(n), bytes(ring[n]));
        load_async(ring[n], hbm.K, 0, ring.full(n));
      };
      warpgroups(block,
                 role("producer",
                      [&] {
                        for (int n = 0; n < uses; ++n) fetch(s.K, n), fetch(s.V, n);
                      }),
                 role("consumer 0", [&] { consume(s, 0); }),
                 role("consumer 1", [&] { consume(s, 1); }));
    });
  } catch (const TileError& error) {
    return error.what();
  }
  return "";
}

void take(auto& ring, std::int64_t n) {
  wait(ring.full(n), ring.parity(n));
  arrive(ring.empty(n));
}

// The producer waits for V empty, and the consumers for K full: theirs is the first cause.
TEST(Deadlock, TwoReadersForgetATile) {
  const auto consume = [](auto& s, int) {
    for (int n = 0; n < 6; ++n) {
      take(s.K, n);
      if (n % 2 == 0) take(s.V, n);
    }
  };
  const std::string cause =
      ": no role can go on: consumer 0 and consumer 1 never arrive at V empty[1], and nobody has "
      "read V[1]: ";
  for (std::uint64_t schedule = 0; schedule < 20; ++schedule) {
    const std::string text = report_of_two(schedule, 6, consume);
    EXPECT_NE(text.find(cause), text.npos) << text;
  }
}

TEST(Deadlock, NobodyHasTheFirstTurn) {
  const auto consume = [](auto& s, int consumer) {
    sync(s.turn[consumer]);
    arrive(s.turn[1 - consumer]);
  };
  for (std::uint64_t schedule = 0; schedule < 20; ++schedule)
    EXPECT_NE(report_of_two(schedule, 1, consume)
                  .find(": consumer 0 waits at turn[0] for consumer 1, which waits at turn[1] for "
                        "consumer 0: "),
              std::string::npos);
}

// Catches two turns with one barrier, which is right in most schedules.
TEST(Deadlock, OneNamedBarrierForTwoTurns) {
  const auto consume = [](int turns) {
    return [turns](auto& s, int consumer) {
      const int other = turns == 2 ? 1 - consumer : 0, own = turns == 2 ? consumer : 0;
      if (consumer == 1) arrive(s.turn[0]);
      for (int n = 0; n < 3; ++n) {
        take(s.K, n), take(s.V, n);
        sync(s.turn[own]);
        arrive(s.turn[other]);
      }
    };
  };
  for (std::uint64_t schedule = 0; schedule < 20; ++schedule) {
    EXPECT_EQ(report_of_two(schedule, 3, consume(2)), "");
    const std::string text = report_of_two(schedule, 3, consume(1));
    const std::string place = " twice in one phase of named barrier turn[0]";
    EXPECT_TRUE(text.find(": may arrive" + place) != text.npos ||
                text.find(": arrives" + place) != text.npos)
        << text;
  }
}

TEST(History, TheLastStepsStandInAColumnForEachRole) {
  cpu::History history;
  const int K = history.add_barrier({"K full[0]", 1, false});
  history.add(1, "wait", K, 0);
  for (int i = 0; i < 7; ++i) history.add(0, "load_async", "K[0]");
  history.add(0, "arrive", K, 0);
  const std::string table = history.table({"producer", "consumer"}, {{1, K, 1}});
  EXPECT_EQ(std::ranges::count(table, '\n'), 10);
  EXPECT_EQ(table.substr(0, table.find('\n')), "producer                             consumer");
  EXPECT_NE(table.find("\narrive K full[0] ph 0\n"), std::string::npos);
  EXPECT_NE(table.find("\nended                                stuck: K full[0] ph 1\n"),
            std::string::npos);
  EXPECT_EQ(table.find("wait"), std::string::npos);  // nine steps ago
}

}  // namespace
}  // namespace tile
