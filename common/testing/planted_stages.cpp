#include "testing/planted_stages.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "testing/scalar_kernel.h"
#include "tile/cpu/backend.h"

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

// What the scalar kernel pretends to have moved.
struct Counted {
  static void run(tile::cpu::Block& block, int) {
    block.counters().hbm_read[Tensor::Q] += 2000;
    block.counters().hbm_write[Tensor::O] += 3000;
    block.counters().flops += 50;
  }
};

struct Misused {
  static void run(tile::cpu::Block& block, int) {
    block.fail("mma_AB read tile P, which nothing wrote");
  }
};

void forward(tile::Device& device, const AttentionArgs& args, Bug bug) {
  const Problem p = problem_of(args);
  const Inputs inputs{copy(args.Q, q_elements(p)), copy(args.K, k_elements(p)),
                      copy(args.V, k_elements(p))};
  const Outputs outputs = scalar_kernel(p, inputs, bug);
  std::memcpy(args.O.data, outputs.o.data(), outputs.o.size());
  std::memcpy(args.LSE, outputs.lse.data(), outputs.lse.size() * sizeof(float));
  launch<Counted>(dynamic_cast<tile::cpu::Device&>(device), "attention", {1, 1, 1}, args.dtype, 0);
}

void right(tile::Device& device, const AttentionArgs& args) {
  forward(device, args, Bug::none);
}

void mean_of_v(tile::Device& device, const AttentionArgs& args) {
  forward(device, args, Bug::mean_of_v);
}

// As much as there is room for of what was right once.
void copied(tile::Device& device, const AttentionArgs& args) {
  static std::vector<std::byte> first;
  const auto size = static_cast<std::size_t>(q_elements(problem_of(args))) *
                    static_cast<std::size_t>(size_in_bytes(args.dtype));
  forward(device, args, Bug::none);
  if (first.empty()) first.assign(args.O.data, args.O.data + size);
  std::copy_n(first.begin(), std::min(size, first.size()), args.O.data);
}

// Right, unless the problem is causal.
void missing_mask(tile::Device& device, const AttentionArgs& args) {
  forward(device, args, Bug::mask_missing);
}

void unsteady(tile::Device& device, const AttentionArgs& args) {
  static bool second = false;
  forward(device, args, Bug::none);
  float& last = args.LSE[args.heads * args.total_q - 1];
  if (std::exchange(second, !second) && std::isfinite(last)) last = std::nextafter(last, 0.0f);
}

void misused_memory(tile::Device& device, const AttentionArgs& args) {
  launch<Misused>(dynamic_cast<tile::cpu::Device&>(device), "attention", {1, 1, 1}, args.dtype, 0);
}

tile::Counters cost(const Problem&, const Plan&) {
  tile::Counters counters;
  counters.hbm_read[Tensor::Q] = 2000;
  counters.hbm_write[Tensor::O] = 3000;
  counters.flops = 50;
  counters.launches = 1;
  return counters;
}

tile::Counters wrong_cost(const Problem& problem, const Plan& plan) {
  tile::Counters counters = cost(problem, plan);
  counters.hbm_read[Tensor::Q] = 1999;
  return counters;
}

tile::Counters gigantic_cost(const Problem& problem, const Plan& plan) {
  tile::Counters counters = cost(problem, plan);
  counters.hbm_workspace[Tensor::S] = std::int64_t{1} << 60;
  return counters;
}

}  // namespace

const Stage& right_stage() {
  static const Stage stage{"00_right", "the scalar kernel", {{Pass::Kind::forward, right, cost}}};
  return stage;
}
const Stage& mean_of_v_stage() {
  static const Stage stage{
      "01_mean_of_v", "all weights are equal", {{Pass::Kind::forward, mean_of_v, cost}}};
  return stage;
}
const Stage& copied_stage() {
  static const Stage stage{
      "01_copied", "one answer for all", {{Pass::Kind::forward, copied, cost}}};
  return stage;
}
const Stage& missing_mask_stage() {
  static const Stage stage{
      "01_missing_mask", "every query sees all keys", {{Pass::Kind::forward, missing_mask, cost}}};
  return stage;
}
const Stage& wrong_formula_stage() {
  static const Stage stage{
      "02_wrong_formula", "one byte less", {{Pass::Kind::forward, right, wrong_cost}}};
  return stage;
}
const Stage& misused_memory_stage() {
  static const Stage stage{"03_misused_memory",
                           "reads what nothing wrote",
                           {{Pass::Kind::forward, misused_memory, cost}}};
  return stage;
}
const Stage& unsteady_stage() {
  static const Stage stage{
      "04_unsteady", "every second run differs", {{Pass::Kind::forward, unsteady, cost}}};
  return stage;
}
const Stage& gigantic_stage() {
  static const Stage stage{
      "04_gigantic", "an exbibyte of scores", {{Pass::Kind::forward, right, gigantic_cost}}};
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
