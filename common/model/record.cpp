#include <algorithm>

#include "check/generator.h"
#include "model/predict.h"
#include "model/share.h"
#include "stages/execute.h"
#include "tile/cpu/device.h"

namespace flash::model {

// The inputs' values decide nothing about what is done; any will do.
Recording record(const Gpu& gpu, const Stage& stage, const Pass::Run& run, const Problem& problem) {
  Recording recording{.problem = problem,
                      .copies = problem.batch * problem.kv_heads,
                      .counters = stage.cost(problem)};
  Problem one = problem;
  one.batch = 1;
  one.heads = problem.heads / problem.kv_heads;
  one.kv_heads = 1;
  const Inputs inputs = generate(one, 0, stage.fp8);
  Outputs outputs = unwritten_outputs(one);
  tile::cpu::Device device;
  device.set_records(&recording.blocks);
  AttentionArgs args = make_args(one, inputs, outputs);
  args.splits = stage.plan(problem.shape()).splits;
  run(device, args);

  // A persistent block's ring goes on from piece to piece, so what the SM with the most work does
  // is recorded as a whole.
  const auto persistent = std::ranges::find_if(recording.blocks, is_persistent);
  if (persistent == recording.blocks.end()) return recording;
  const Share most = largest_share(loads_of(*persistent), recording.copies, gpu.sms, 1, true);
  recording.persistent_tail = most.tail;
  recording.blocks.clear();
  device.set_work(most.pieces);
  run(device, args);
  return recording;
}

}  // namespace flash::model
