#include "tile/cpu/turns.h"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace tile::cpu {
namespace {

using Turn = std::atomic_ref<std::int32_t>;

Turn turn_of(Block& block, Transfer transfer, const HbmTurns& turns, std::int64_t i) {
  require_inside(block, transfer, "scalar", turns.tensor, turns.outside);
  require_inside(block, transfer, "scalar", turns.tensor, "row", i, turns.rows);
  block.count(bytes_of(transfer, turns.tensor, 4, {turns.data, i, 0, 1}));
  return Turn(turns.data[i]);
}

}  // namespace

void wait_turn(Block& block, const HbmTurns& turns, std::int64_t i, std::int64_t turn) {
  using Time = std::chrono::steady_clock;
  const Turn now = turn_of(block, Transfer::load_scalar, turns, i);
  const auto begin = Time::now();
  while (now.load(std::memory_order_acquire) != turn) {
    const bool is_late = Time::now() - begin > std::chrono::seconds(30);
    if (is_late || block.is_abandoned() || block.is_alone())
      block.fail("wait_turn: turn " + std::to_string(turn) + " of " +
                 std::string(turns.tensor.name) + "[" + std::to_string(i) +
                 "] does not come; it is " + std::to_string(now.load()));
    std::this_thread::yield();
  }
}

void pass_turn(Block& block, const HbmTurns& turns, std::int64_t i) {
  turn_of(block, Transfer::store_scalar, turns, i).fetch_add(1, std::memory_order_release);
}

void first_turn(Block& block, const HbmTurns& turns, std::int64_t i) {
  turn_of(block, Transfer::store_scalar, turns, i).store(0);
}

}  // namespace tile::cpu
