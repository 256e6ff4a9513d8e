// Blocks in turn: who may add to a part of HBM, where the order matters.
#pragma once

#include "tile/cpu/memory.h"

namespace tile::cpu {

// Until turns[i] is `turn`. A block may wait for those before it in the grid, and for no others:
// they have begun. Fails after half a minute, or if another block has failed or nobody else is at
// work. Counts as a scalar that is read.
void wait_turn(Block& block, const HbmTurns& turns, std::int64_t i, std::int64_t turn);

// turns[i] is the next one: what the block has written is there for whoever waits. Counts as a
// scalar that is written.
void pass_turn(Block& block, const HbmTurns& turns, std::int64_t i);

// turns[i] is 0. Before any block of the same launch waits, so in a launch before it.
void first_turn(Block& block, const HbmTurns& turns, std::int64_t i);

}  // namespace tile::cpu
