#include "testing/planted_stages.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "testing/scalar_kernel.h"

namespace flash {
namespace {

Buffer copy(const TensorView& view, std::int64_t elements) {
  return Buffer(view.data, view.data + elements * size_in_bytes(view.dtype));
}

std::vector<std::int32_t> offsets(const std::int32_t* cu_seqlens, std::int64_t batch) {
  if (cu_seqlens == nullptr) return {};
  return {cu_seqlens, cu_seqlens + batch + 1};
}

// What the kernel was given, as the problem that it came from.
Problem problem_of(const AttentionArgs& args) {
  Problem problem;
  problem.batch = args.batch;
  problem.heads = args.heads;
  problem.kv_heads = args.kv_heads;
  problem.seqlen_q = args.seqlen_q;
  problem.seqlen_k = args.seqlen_k;
  problem.head_dim = args.head_dim;
  problem.dtype = args.dtype;
  problem.causal = args.causal;
  problem.cu_seqlens_q = offsets(args.cu_seqlens_q, args.batch);
  problem.cu_seqlens_k = offsets(args.cu_seqlens_k, args.batch);
  return problem;
}

void forward(tile::Device& device, const AttentionArgs& args, Bug bug) {
  const Problem p = problem_of(args);
  const Inputs inputs{copy(args.Q, q_elements(p)), copy(args.K, k_elements(p)),
                      copy(args.V, k_elements(p))};
  const Outputs outputs = scalar_kernel(p, inputs, bug);
  std::memcpy(args.O.data, outputs.o.data(), outputs.o.size());
  std::memcpy(args.LSE, outputs.lse.data(), outputs.lse.size() * sizeof(float));
  device.launch("attention", {1, 1, 1}, args.dtype, [](auto& block) {
    block.counters().hbm_read[tile::Tensor::Q] += 2000;
    block.counters().hbm_write[tile::Tensor::O] += 3000;
    block.counters().flops += 50;
  });
}

void right(tile::Device& device, AttentionArgs args) {
  forward(device, args, Bug::none);
}

void mean_of_v(tile::Device& device, AttentionArgs args) {
  forward(device, args, Bug::mean_of_v);
}

void missing_mask(tile::Device& device, AttentionArgs args) {
  forward(device, args, Bug::mask_missing);
}

void unsteady(tile::Device& device, AttentionArgs args) {
  static bool second = false;
  forward(device, args, Bug::none);
  if (std::exchange(second, !second)) args.LSE[0] = std::nextafter(args.LSE[0], 0.0f);
}

void misused_memory(tile::Device& device, AttentionArgs args) {
  device.launch("attention", {1, 1, 1}, args.dtype,
                [](auto& block) { block.fail("mma_AB read tile P, which nothing wrote"); });
}

tile::Counters cost(const Problem&) {
  tile::Counters counters;
  counters.hbm_read[tile::Tensor::Q] = 2000;
  counters.hbm_write[tile::Tensor::O] = 3000;
  counters.flops = 50;
  counters.launches = 1;
  return counters;
}

tile::Counters wrong_cost(const Problem& problem) {
  tile::Counters counters = cost(problem);
  counters.hbm_read[tile::Tensor::Q] = 1999;
  return counters;
}

tile::Counters gigantic_cost(const Problem& problem) {
  tile::Counters counters = cost(problem);
  counters.hbm_workspace[tile::Tensor::S] = std::int64_t{1} << 60;
  return counters;
}

}  // namespace

const Stage& right_stage() {
  static const Stage stage{"00_right", "the scalar kernel", right, cost};
  return stage;
}
const Stage& mean_of_v_stage() {
  static const Stage stage{"01_mean_of_v", "all weights are equal", mean_of_v, cost};
  return stage;
}
const Stage& missing_mask_stage() {
  static const Stage stage{"01_missing_mask", "every query sees all keys", missing_mask, cost};
  return stage;
}
const Stage& wrong_formula_stage() {
  static const Stage stage{"02_wrong_formula", "one byte less", right, wrong_cost};
  return stage;
}
const Stage& misused_memory_stage() {
  static const Stage stage{"03_misused_memory", "reads what nothing wrote", misused_memory, cost};
  return stage;
}
const Stage& unsteady_stage() {
  static const Stage stage{"04_unsteady", "every second run differs", unsteady, cost};
  return stage;
}
const Stage& gigantic_stage() {
  static const Stage stage{"04_gigantic", "an exbibyte of scores", right, gigantic_cost};
  return stage;
}

CliResult run_on(const std::vector<Stage>& stages, const Arguments& arguments, Terminal terminal,
                 bool progress) {
  std::ostringstream out, err;
  const auto peaks = [](int) { return Peaks{100, 10}; };
  const int status = run_cli(arguments, {out, err, stages, terminal, progress, peaks});
  return {status, out.str(), err.str()};
}

}  // namespace flash
