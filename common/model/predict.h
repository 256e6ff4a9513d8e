// What a GPU makes of a stage: a prediction for the whole chip from the blocks that a kernel has.
#pragma once

#include <string>
#include <vector>

#include "attention/stage.h"
#include "model/l2.h"
#include "model/simulate.h"

namespace flash::model {

// The blocks of one key head of a problem, of which the others are copies. A persistent kernel has
// one: that of the SM with the most work.
struct Recording {
  Problem problem;      // the whole one
  std::int64_t copies;  // of the recorded blocks that the whole problem has
  double flops = 0;     // nominal, of the whole problem
  bool backward = false;
  std::vector<tile::BlockRecord> blocks = {};  // in launch order; those of one kernel are adjacent
  tile::Counters counters = {};                // of the whole problem
  double persistent_tail = 0;                  // see KernelPrediction::tail
  Moves moves = {};                            // of all blocks of the key head
};

// In what order whoever is free takes the pieces of a persistent kernel: the longest first, as
// stage 04 does, or in that of the grid, head after head and the first queries first (where every
// query head has keys of its own).
// FlashAttention-3 did so when its figures were published (hopper/tile_scheduler.hpp of July 2024).
enum class Order : std::uint8_t { longest_first, grid };

// Runs the stage on a CPU on one key head of the problem. `run` is its forward pass or a variant.
Recording record(const Gpu& gpu, const Stage& stage, const Pass::Run& run, const Problem& problem,
                 Order order = Order::longest_first);

// Its backward pass, which it must have.
Recording record_backward(const Gpu& gpu, const Stage& stage, const Problem& problem);

// `turns`: products and softmax, of which none goes on beside the other (mma.sync).
enum class Bound : std::uint8_t {
  tensor,
  exponential,
  fp32,
  copies,
  hbm,
  additions,
  turns,
  latency
};
std::string_view name(Bound bound);

struct KernelPrediction {
  std::string kernel;
  double seconds = 0;           // the launch included
  double hbm_bytes = 0;         // between HBM and the second cache
  double hbm_seconds = 0;       // what they take
  double tail = 0;              // share of the time in which SMs are without work
  int resident = 0;             // blocks on an SM
  bool is_synchronous = false;  // its products, if it has any, are mma.sync
  bool is_hbm_bound = false;    // for nine tenths of the time and more
  Timeline sm;                  // of the SM with the most work
};

struct Prediction {
  double seconds = 0;
  double flops = 0;        // nominal: 4 N_q N_k d a head, half of it if causal; backward 2.5 times
  double hbm_bytes = 0;    // between HBM and the second cache
  double block_bytes = 0;  // between that and the blocks, as counted
  std::vector<KernelPrediction> kernels;

  double tflops() const { return flops / seconds * 1e-12; }
  // What keeps the longest kernel from being faster.
  Bound bound() const;
};

// The GPU with the clock that it holds under the recorded products.
Gpu under_load(const Gpu& gpu, const Recording& recording);

Prediction predict(const Gpu& gpu, const Recording& recording, bool keep_intervals = false);

}  // namespace flash::model
