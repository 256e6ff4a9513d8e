#include <algorithm>

#include "check/generator.h"
#include "model/predict.h"
#include "model/share.h"
#include "stages/execute.h"
#include "tile/cpu/device.h"

namespace flash::model {

namespace {

void require_rows(const Problem& problem) {
  if (problem.total_q() == 0) throw BadInput("seqlen_q", "0", "at least 1");
  if (problem.heads == 0) throw BadInput("heads", "0", "at least 1");
  if (problem.batch == 0) throw BadInput("batch", "0", "at least 1");
  if (problem.dtype == DType::f32)
    throw BadInput("dtype", "f32", "bf16 or f16, as tensor cores take");
}

void require_units(const Gpu& gpu, const Stage& stage,
                   const std::vector<tile::BlockRecord>& blocks) {
  if (gpu.asynchronous_products || std::ranges::none_of(blocks, has_asynchronous_products)) return;
  throw BadInput("gpu", std::string(gpu.name),
                 "h100 or h200: " + std::string(stage.name) + " issues asynchronous products");
}

// Of as many heads that move as much.
tile::Counters times(tile::Counters counters, std::int64_t copies) {
  for (tile::PerTensor* bytes : {&counters.hbm_read, &counters.hbm_write, &counters.hbm_workspace})
    for (std::int64_t& value : bytes->values) value *= copies;
  counters.flops *= copies;
  counters.exponentials *= copies;
  return counters;
}

// Of pieces with these loads, in the order of longest_first() of attention/plan.h: that of the
// grid, but under a causal mask the other way round.
Share share_of(std::vector<double> loads, const Recording& recording, int sms) {
  const bool is_reversed = recording.moves.section == 0 && recording.problem.causal;
  if (is_reversed) std::ranges::reverse(loads);
  Share most = largest_share(loads, recording.copies, sms, 1, recording.moves.section);
  if (is_reversed)
    for (std::int64_t& piece : most.pieces) piece = std::ssize(loads) - 1 - piece;
  return most;
}

// The inputs' values decide nothing about what is done; any will do.
Recording recorded(const Gpu& gpu, const Stage& stage, const Pass::Run& run, const Problem& problem,
                   Order order, bool backward) {
  require_rows(problem);
  Recording recording{.problem = problem,
                      .copies = problem.batch * problem.kv_heads,
                      .flops = nominal_flops(problem) * (backward ? 2.5 : 1),
                      .backward = backward};
  Problem one = problem;
  one.batch = 1;
  one.heads = problem.heads / problem.kv_heads;
  one.kv_heads = 1;
  Inputs inputs = generate(one, 0, stage.fp8);
  if (backward) inputs.d_o = generate_gradient(one, 0);
  require_memory(stage, one, backward);
  Outputs outputs = unwritten_outputs(one);
  tile::cpu::Device device;
  AttentionArgs args =
      backward ? make_backward_args(one, inputs, outputs) : make_args(one, inputs, outputs);
  args.splits = stage.plan(problem.shape()).splits;
  if (backward) stage.forward(device, args);  // a backward pass may read what that leaves in HBM
  device.set_records(&recording.blocks);
  device.reset_counters();
  run(device, args);
  recording.counters = times(device.counters(), recording.copies);
  for (tile::BlockRecord& block : recording.blocks)
    block.head_dim = static_cast<int>(problem.head_dim);

  require_units(gpu, stage, recording.blocks);
  recording.moves = moves_of(recording.blocks, problem.causal);
  if (order == Order::longest_first)
    recording.moves.section = heads_in_a_section(problem.shape()) / problem.shape().group();

  // A persistent block's ring goes on from piece to piece, so what the SM with the most work does
  // is recorded as a whole.
  const auto persistent = std::ranges::find_if(recording.blocks, is_persistent);
  if (persistent == recording.blocks.end()) return recording;
  const Share most = share_of(loads_of(*persistent), recording, gpu.sms);
  recording.persistent_tail = most.tail;
  recording.blocks.clear();
  device.set_work(most.pieces);
  run(device, args);
  return recording;
}

}  // namespace

Recording record(const Gpu& gpu, const Stage& stage, const Pass::Run& run, const Problem& problem,
                 Order order) {
  return recorded(gpu, stage, run, problem, order, false);
}

Recording record_backward(const Gpu& gpu, const Stage& stage, const Problem& problem) {
  return recorded(gpu, stage, stage.backward()->run, problem, Order::longest_first, true);
}

}  // namespace flash::model
