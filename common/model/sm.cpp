#include "model/sm.h"

#include <algorithm>

#include "tile/gpu.h"

namespace flash::model {
namespace {

constexpr std::int64_t kib = 1024;
constexpr double shared_bytes_per_cycle = 127.7;

// FLOPs a clock of a warp's m x n part of a product, whose operands of 2 bytes shared memory feeds:
// 2 m n FLOPs for 2 (m + n) bytes. (For 16 x 64 this is 1634; measured were 1610.)
constexpr double fed(int m, int n) {
  return shared_bytes_per_cycle * m * n / (m + n);
}

// The five products of the backward pass: S and dP, dV and dK, dQ. The parts that eight warps have
// of them are those of FlashAttention-2 (csrc/flash_attn/src/flash_bwd_launch_template.h).
constexpr double backward_products(double fastest, double of_S, double of_dK, double of_dQ) {
  return 5 / (2 / std::min(fastest, of_S) + 2 / std::min(fastest, of_dK) +
              1 / std::min(fastest, of_dQ));
}
constexpr MmaSync backward_products(const MmaSync& fastest) {
  return {backward_products(fastest.head_dim_64, fed(32, 64), fed(32, 32), fed(32, 32)),
          backward_products(fastest.head_dim_128, fed(32, 32), fed(32, 64), fed(32, 32)),
          backward_products(fastest.head_dim_256, fed(16, 32), fed(32, 64), fed(32, 64))};
}

// H100 SXM: rates, latencies and bandwidths are those of docs/results/gpu_h100.json, but for the
// clock: FlashAttention-3's figures were taken with the clock set to 1830 MHz, which a card does
// not hold under random operands; 1605 MHz is what one held with bf16 (tensor_load, random, 128
// columns), 1544 with f16, whose longer mantissas draw more power (256 columns). mma.sync has the
// rates of S = QK^T and of O += PV, each alone in two blocks, one after the other. Beside WGMMA two
// warpgroups' softmax takes 807 clocks for 64 x 128 scores; the exponentials' rate would have
// it take 684, while the FP32 lanes are at work for 599: 0.2 of these are added.
constexpr Gpu h100 = {
    .name = "h100",
    .sms = 132,
    .clock_hz = 1605e6,
    .clock_hz_f16_wgmma = 1544e6,
    .flops_16bit = 4096,
    .has_fp8 = true,
    .asynchronous_products = true,
    .mma_sync = {2581, 2553, 1792},
    .mma_sync_backward = backward_products({2581, 2553, 2553}),
    .exponentials = {15.98, 11.98},
    .fma = {124, 101},
    .maxima = {63, 28},
    .conversions = {126, 57},
    .shared_bytes_per_cycle = shared_bytes_per_cycle,
    .fp32_delays_exponentials = 0.2,
    .product_latency = 80,
    .wait_latency = 43,
    .handover_latency = 94,
    .named_handover_latency = 40,
    .issue = 6,
    .copy_latency = 450,
    .hbm_latency = 570,
    .l2_bytes_per_s = 7.7e12,
    .hbm_bytes_per_s = 3.05e12,
    .copied_per_cycle = 108,
    .additions_per_s = 350e9,
    .l2_bytes = 50 * kib * kib,
    .shared_bytes = 228 * kib,
    .register_bytes = 256 * kib,
    .max_blocks = 32,
    .launch_seconds = 1.9e-6,
};

// H200: the same SMs (docs/results/gpu_h200.json), more bandwidth and a larger cache.
constexpr Gpu h200 = [] {
  Gpu gpu = h100;
  gpu.name = "h200";
  gpu.clock_hz = 1620e6;
  gpu.clock_hz_f16_wgmma = gpu.clock_hz * 1544 / 1632;  // as the H100's, with 256 columns
  gpu.l2_bytes_per_s = 8.7e12;
  gpu.hbm_bytes_per_s = 4.52e12;
  gpu.l2_bytes = 60 * kib * kib;
  return gpu;
}();

// A100 SXM 80 GB: the rates a clock of NVIDIA's whitepaper (GA100, 2020): 2048 FLOPs of 16-bit
// products, 128 FP32 FLOPs of 64 lanes' FMAs, 16 exponentials. Its products (mma.sync) reach
// the tensor cores' rate. Latencies, additions in L2 and what one SM can copy are the H100's, for
// want of measured ones. 312 TFLOP/s are 1410 MHz, which the card holds.
constexpr Gpu a100 = [] {
  Gpu gpu = h100;
  gpu.name = "a100";
  gpu.sms = 108;
  gpu.clock_hz = gpu.clock_hz_f16_wgmma = 1410e6;
  gpu.flops_16bit = 2048;
  gpu.has_fp8 = false;
  gpu.asynchronous_products = false;
  gpu.mma_sync = {2048, 2048, 2048};
  gpu.mma_sync_backward = backward_products(gpu.mma_sync);
  gpu.exponentials = {16, 16};
  gpu.fma = {64, 64};
  gpu.maxima = {64, 64};
  gpu.conversions = {64, 64};
  gpu.l2_bytes_per_s = 4.5e12;
  gpu.hbm_bytes_per_s = 1.8e12;
  gpu.l2_bytes = 40 * kib * kib;
  gpu.shared_bytes = 164 * kib;
  return gpu;
}();

constexpr const Gpu* gpus[] = {&a100, &h100, &h200};

}  // namespace

const Gpu& find_gpu(std::string_view name) {
  for (const Gpu* gpu : gpus)
    if (gpu->name == name) return *gpu;
  throw tile::BadInput("gpu", "'" + std::string(name) + "' is not known", "a100, h100 or h200");
}

}  // namespace flash::model
