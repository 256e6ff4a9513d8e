// What the units of a streaming multiprocessor (SM) do in a clock, and what it costs to wait.
//
// Rates and latencies are measured (docs/results/gpu_h100.json, by common/model/measured) or
// published; each constant says which. Nothing here is fitted to an attention kernel.
#pragma once

#include <cstdint>
#include <string_view>

#include "tile/error.h"

namespace flash::model {

// Of each unit in a clock of one SM. Where products keep the tensor cores busy, the other units are
// slower: they share the issue slots and the ports of the register file.
struct Rate {
  double alone;
  double beside_products;  // WGMMA
};

// FLOPs a clock of mma.sync in FlashAttention-2's tiles, operands from shared memory: a warp has 32
// rows for a head dimension of up to 128, 16 above. They stand still while another warp is at its
// softmax: two blocks on an SM have an inner loop that takes as long as the products of both and
// the softmax of both, one after the other (a test holds the model to what was measured).
struct MmaSync {
  double head_dim_64, head_dim_128, head_dim_256;
};

struct Gpu {
  std::string_view name;
  int sms;
  double clock_hz;  // under load
  double clock_hz_f16_wgmma;
  double flops_16bit;  // of tensor cores, a clock and SM; FP8 does twice as much
  bool has_fp8;
  bool asynchronous_products;  // WGMMA; otherwise 04 and 05 do not run
  MmaSync mma_sync, mma_sync_backward;
  Rate exponentials, fma, maxima, conversions;  // results a clock
  double shared_bytes_per_cycle;
  double fp32_delays_exponentials;  // beside WGMMA, for this share of the FP32 lanes' time
  double product_latency;           // from the last product's end to the end of a wait for it
  double wait_latency;              // of a wait for what is complete
  double handover_latency;          // from an arrival at an mbarrier to the end of the wait for it
  double named_handover_latency;
  double issue;         // of an asynchronous operation or an arrival
  double copy_latency;  // from L2, of a tile of some kB
  double hbm_latency;   // beyond that, from HBM
  double l2_bytes_per_s, hbm_bytes_per_s;
  double copied_per_cycle;  // bytes, of an SM that has them to itself
  double additions_per_s;   // fp32, in L2
  double l2_bytes;
  std::int64_t shared_bytes, register_bytes;  // of an SM, for all its blocks
  int max_blocks;
  double launch_seconds;
};

// Throws BadInput, listing those there are.
const Gpu& find_gpu(std::string_view name);

}  // namespace flash::model
