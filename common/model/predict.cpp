#include "model/predict.h"

#include <algorithm>
#include <map>

#include "model/share.h"

namespace flash::model {
namespace {

using tile::BlockRecord;

// Cycles of a block beside its like: those of several rounds of them, divided.
double cycles_of(const Gpu& gpu, const BlockRecord& block, int resident, const HbmTraffic& hbm) {
  constexpr int rounds = 3;
  const std::vector<const BlockRecord*> blocks(static_cast<std::size_t>(rounds) * resident, &block);
  return simulate(gpu, blocks, resident, hbm).cycles / rounds;
}

// The GPU as the SM with the most work finds it: what the others do not move in the time in which
// they have nothing to do is left to it, up to what an SM can take.
Gpu shared_by(const Gpu& gpu, double tail) {
  Gpu shared = gpu;
  const double most = gpu.copied_per_cycle * gpu.clock_hz * gpu.sms;
  for (double* rate : {&shared.l2_bytes_per_s, &shared.hbm_bytes_per_s})
    *rate = std::min(*rate / (1 - tail), std::max(*rate, most));
  shared.additions_per_s *= shared.l2_bytes_per_s / gpu.l2_bytes_per_s;  // go the same way
  return shared;
}

// Blocks of a grid: an SM has its next one as soon as one has ended.
void predict_grid(const Gpu& gpu, std::span<const BlockRecord> blocks, std::int64_t copies,
                  const HbmTraffic& hbm, bool keep, KernelPrediction& result) {
  std::map<std::size_t, double> cycles;  // of blocks with so many events
  std::vector<double> loads;
  for (const BlockRecord& block : blocks) {
    const auto [known, is_new] = cycles.try_emplace(block.events.size());
    if (is_new) known->second = cycles_of(gpu, block, result.resident, hbm);
    loads.push_back(known->second);
  }
  const Share most = largest_share(loads, copies, gpu.sms, result.resident);
  result.tail = most.tail;
  std::vector<const BlockRecord*> of_sm;
  for (const std::int64_t index : most.pieces) of_sm.push_back(&blocks[index]);
  result.sm = simulate(shared_by(gpu, result.tail), of_sm, result.resident, hbm, keep);
}

// How many blocks an SM has at a time.
int resident_of(const Gpu& gpu, KernelBlocks blocks, std::int64_t copies) {
  if (is_persistent(blocks.front())) return 1;
  const std::int64_t in_all = std::ssize(blocks) * copies;
  return static_cast<int>(std::clamp<std::int64_t>(tile::ceil_div(in_all, std::int64_t{gpu.sms}), 1,
                                                   resident_blocks(gpu, blocks.front())));
}

KernelPrediction predict_kernel(const Gpu& gpu, KernelBlocks blocks, int resident,
                                const HbmTraffic& hbm, const Recording& recording, bool keep) {
  KernelPrediction result;
  result.kernel = blocks.front().kernel;
  result.resident = resident;
  result.is_synchronous = !has_asynchronous_products(blocks.front());
  result.hbm_bytes = hbm.bytes;
  result.hbm_seconds = hbm.bytes / gpu.hbm_bytes_per_s;
  if (is_persistent(blocks.front())) {
    const BlockRecord* const block = &blocks.front();
    result.tail = recording.persistent_tail;
    result.sm = simulate(shared_by(gpu, result.tail), {&block, 1}, 1, hbm, keep);
  } else {
    predict_grid(gpu, blocks, recording.copies, hbm, keep, result);
  }
  const double work = std::max(result.sm.cycles / gpu.clock_hz, result.hbm_seconds);
  result.is_hbm_bound = result.hbm_seconds >= 0.9 * work;
  result.seconds = work + gpu.launch_seconds;
  return result;
}

}  // namespace

std::string_view name(Bound bound) {
  constexpr std::string_view names[] = {"tensor cores",
                                        "exponentials",
                                        "FP32 lanes",
                                        "copies from L2",
                                        "HBM",
                                        "additions in L2",
                                        "products and softmax in turn",
                                        "latency"};
  return names[static_cast<int>(bound)];
}

Bound Prediction::bound() const {
  const KernelPrediction& longest =
      *std::ranges::max_element(kernels, {}, &KernelPrediction::seconds);
  const double cycles = longest.sm.cycles;
  if (longest.is_hbm_bound) return Bound::hbm;
  if (longest.sm.adding >= 0.9 * cycles) return Bound::additions;
  const auto busiest = std::ranges::max_element(longest.sm.busy);
  constexpr double is_busy = 0.75;
  if (*busiest >= is_busy * cycles) return static_cast<Bound>(busiest - longest.sm.busy.begin());
  const auto busy = [&](Lane lane) { return longest.sm.busy[static_cast<int>(lane)]; };
  const double in_turn = busy(Lane::tensor) + std::max(busy(Lane::exponential), busy(Lane::fp32));
  if (longest.is_synchronous && in_turn >= is_busy * cycles) return Bound::turns;
  return Bound::latency;
}

Gpu under_load(const Gpu& gpu, const Recording& recording) {
  Gpu loaded = gpu;
  if (recording.problem.dtype == DType::f16 &&
      std::ranges::any_of(recording.blocks, has_asynchronous_products))
    loaded.clock_hz = gpu.clock_hz_f16_wgmma;
  return loaded;
}

Prediction predict(const Gpu& idle, const Recording& recording, bool keep_intervals) {
  Gpu gpu = under_load(idle, recording);
  if (recording.backward) gpu.mma_sync = gpu.mma_sync_backward;
  Prediction result;
  result.flops = recording.flops;
  result.block_bytes = static_cast<double>(recording.counters.hbm_bytes());
  const std::vector<KernelBlocks> kernels = kernels_of(recording.blocks);
  std::vector<int> resident;
  for (const KernelBlocks& blocks : kernels)
    resident.push_back(resident_of(gpu, blocks, recording.copies));
  const std::vector<HbmTraffic> hbm = hbm_traffic(gpu, recording.moves, recording.copies, resident);
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    const KernelPrediction& kernel = result.kernels.emplace_back(
        predict_kernel(gpu, kernels[k], resident[k], hbm[k], recording, keep_intervals));
    result.hbm_bytes += kernel.hbm_bytes;
    result.seconds += kernel.seconds;
  }
  return result;
}

}  // namespace flash::model
