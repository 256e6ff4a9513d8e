// An SM at work on recorded blocks: a simulation of discrete events.
//
// Each role does its events in the order of the record; each takes its unit for as long as the unit
// needs, first come first served. A wait ends when what it waits for is complete. What the record
// does not hold, control flow that depends on time, is the order in which pieces of work are taken:
// the caller decides it.
//
// The rules, where a record leaves a choice:
//  - Exponentials run on while the role does what follows on the FP32 lanes, which takes their
//    results as they come; it waits for the last one before it does anything else.
//  - A synchronous load was issued when the same tile was loaded last, one tile ahead, as cp.async
//    does it; a store is not waited for, nor an addition to HBM, which L2 does, but for those of
//    roles: what they add lies in shared memory, and has to stay until it has left.
//  - A copy comes from L2, and so much of it from HBM as HbmTraffic says; L2's part and HBM's go on
//    side by side.
//  - A warp's own products (mma.sync) stand still while another warp's exponentials and FP32
//    operations are at work.
//  - An asynchronous product that rescales its result does so on the FP32 lanes before it is
//  issued.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "model/l2.h"
#include "model/sm.h"
#include "tile/record.h"

namespace flash::model {

enum class Lane : std::uint8_t { tensor, exponential, fp32, copy };
inline constexpr int lanes = 4;
inline constexpr std::string_view lane_names[lanes] = {"tensor cores", "exponentials", "FP32 lanes",
                                                       "copies"};

// A stretch of time, in cycles, in which a role used a unit or waited.
struct Interval {
  int block, role;
  int lane;  // -1: waits
  double begin, end;
  std::string label;
};

struct Timeline {
  double cycles = 0;
  std::array<double, lanes> busy{};
  double copied_bytes = 0;
  double adding = 0;  // cycles in which L2 adds for this SM
  double product_flops = 0, exponentials = 0;
  std::vector<double> block_ends;   // of each block, in the order given
  std::vector<Interval> intervals;  // only if asked for
};

// Blocks start in the order given, at most `resident` at a time. `hbm`: what of their copies comes
// from HBM and goes there; nothing, if not said.
Timeline simulate(const Gpu& gpu, std::span<const tile::BlockRecord* const> blocks, int resident,
                  const HbmTraffic& hbm = {}, bool keep_intervals = false);

// How many of these blocks an SM holds at a time, by shared memory and registers.
int resident_blocks(const Gpu& gpu, const tile::BlockRecord& block);

}  // namespace flash::model
