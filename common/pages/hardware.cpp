// What was measured on two GPUs, and on this CPU.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "pages/docs.h"
#include "report/units.h"

namespace flash {
namespace {

using nlohmann::json;

struct Row {
  const char *what, *unit;
  const char* h100;  // a JSON pointer into gpu_h100.json
  const char* h200;  // the name of a result of gpu_h200.json; null: not measured
};

constexpr Row rows[] = {
    {"products of bf16, zeros", "TFLOP/s", "/tensor_load/bf16_m64n256k16_zeros/tflops",
     "all multiprocessors, zeros, m64n256k16"},
    {"products of bf16, random", "TFLOP/s", "/tensor_load/bf16_m64n256k16_random/tflops",
     "all multiprocessors, random bf16, m64n256k16"},
    {"clock held under these, m64n256k16", "MHz",
     "/tensor_load/bf16_m64n256k16_random/sm_clock_mhz_sustained",
     "all multiprocessors, random bf16, clock held"},
    {"WGMMA m64n128k16, two warpgroups in turns", "clocks",
     "/wgmma/m64n128k16_bf16_left_in_shared_memory/cycles_per_instruction_2_warpgroups",
     "wgmma m64n128k16 bf16, A in shared memory, 2 warpgroups"},
    {"mma.sync m16n8k16, eight warps", "FLOPs a clock",
     "/mma_sync/m16n8k16_bf16_8_warps/operations_per_cycle", nullptr},
    {"the same, operands from shared memory, tiles of 128 × 64 × 128", "FLOPs a clock",
     "/mma_sync_tile/qk_and_pv_128x64_head_dim_128_2_blocks/operations_per_cycle", nullptr},
    {"and with a softmax in between", "FLOPs a clock",
     "/mma_sync_tile/attention_loop_128x64_head_dim_128_2_blocks/operations_per_cycle", nullptr},
    {"exponentials (ex2) of an SM", "a clock", "/arithmetic/ex2_f32/results_per_cycle_8_warps",
     "ex2.approx.ftz.f32"},
    {"exponentials beside WGMMA", "a clock",
     "/contention/ex2_f32_in_2_warpgroups_left_in_shared_memory/results_per_cycle_beside_products",
     nullptr},
    {"FMAs of an SM", "a clock", "/arithmetic/fma_f32/results_per_cycle_8_warps", "fma.rn.f32"},
    {"maxima of an SM", "a clock", "/arithmetic/max_f32/results_per_cycle_8_warps", "max.f32"},
    {"mbarrier, arrival to the end of a wait", "clocks",
     "/barriers/mbarrier_hand_over_between_warps/cycles",
     "mbarrier: arrive in a warp to the end of another's wait"},
    {"latency of shared memory", "clocks", "/memory_latency/shared_memory/cycles",
     "shared memory, latency"},
    {"latency of L2", "clocks", "/memory_latency/l2_16_mb/cycles", "L2, latency"},
    {"latency of HBM", "clocks", "/memory_latency/hbm_lines_within_4_gb/cycles", "HBM, latency"},
    {"TMA copies into one SM alone, from L2", "bytes a clock",
     "/copies/one_sm_from_l2_8_tiles_of_128x64/bytes_per_cycle_per_sm", nullptr},
    {"into each when all copy, from L2", "bytes a clock",
     "/copies/all_sms_from_l2_4_tiles_of_128x64/bytes_per_cycle_per_sm", nullptr},
    {"into each when all copy, from HBM", "bytes a clock",
     "/copies/all_sms_from_hbm_8_tiles_of_128x64/bytes_per_cycle_per_sm", nullptr},
    {"reading L2", "TB/s", "/bandwidth/read_l2_17_mb/terabytes_per_second", "L2, read (16 MB)"},
    {"reading HBM", "TB/s", "/bandwidth/read_hbm/terabytes_per_second", "HBM, read"},
};

double median(const json& results, const std::string& name) {
  for (const json& result : results.at("results"))
    if (result.at("name") == name) return result.at("median");
  throw BadInput("docs: '" + name + "' is not in docs/results/gpu_h200.json");
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

}  // namespace

std::string hardware_table() {
  const json h100 = read_results("gpu_h100"), h200 = read_results("gpu_h200");
  std::string table = "| | | H100 SXM | H200 SXM |\n|---|---|--:|--:|\n";
  for (const Row& row : rows)
    table += std::string("| ") + row.what + " | " + row.unit + " | " +
             number(h100.at(json::json_pointer(row.h100)).get<double>()) + " | " +
             (row.h200 ? number(median(h200, row.h200)) : "–") + " |\n";
  return table + "\n<sub>[gpu_h100.json](results/gpu_h100.json), " +
         h100.at("machine").at("date").get<std::string>() +
         "; [gpu_h200.json](results/gpu_h200.json), " +
         h200.at("machine").at("date").get<std::string>() + ": medians.</sub>\n";
}

std::string machine_table(const json& results) {
  const json& m = results.at("machine");
  const double peak = m.at("fma_peak_gflops"), bandwidth = m.at("read_bandwidth_gbs");
  const auto kib = [&](const char* name) { return kib_text(m.at(name).get<double>()); };
  return "| | |\n|---|--:|\n| processor | " + m.at("cpu").get<std::string>() + ", " +
         m.at("simd").get<std::string>() + " |\n| cores used | " +
         std::to_string(m.at("threads").get<int>()) + " |\n| FMA peak, f32 | " + rate_text(peak) +
         " GFLOP/s |\n| reading memory | " + rate_text(bandwidth) + " GB/s |\n| balance | " +
         rate_text(peak / bandwidth) + " FLOPs a byte |\n| first and second cache of a core | " +
         kib("l1d_bytes") + ", " + kib("l2_bytes") + " |\n\n<sub>Measured by `./ladder run`, " +
         m.at("date").get<std::string>() + ".</sub>\n";
}

}  // namespace flash
