#include "model/predict.h"

#include <algorithm>
#include <map>

#include "model/share.h"

namespace flash::model {
namespace {

using tile::BlockRecord;

// Cycles of a block beside its like: those of several rounds of them, divided.
double cycles_of(const Gpu& gpu, const BlockRecord& block, int resident) {
  constexpr int rounds = 3;
  const std::vector<const BlockRecord*> blocks(static_cast<std::size_t>(rounds) * resident, &block);
  return simulate(gpu, blocks, resident).cycles / rounds;
}

// Blocks of a grid: an SM has its next one as soon as one has ended.
void predict_grid(const Gpu& gpu, std::span<const BlockRecord> blocks, std::int64_t copies,
                  bool keep, KernelPrediction& result) {
  const std::int64_t in_all = std::ssize(blocks) * copies;
  result.resident = static_cast<int>(std::clamp<std::int64_t>(
      tile::ceil_div(in_all, std::int64_t{gpu.sms}), 1, resident_blocks(gpu, blocks.front())));
  std::map<std::size_t, double> cycles;  // of blocks with so many events
  std::vector<double> loads;
  for (const BlockRecord& block : blocks) {
    const auto [known, is_new] = cycles.try_emplace(block.events.size());
    if (is_new) known->second = cycles_of(gpu, block, result.resident);
    loads.push_back(known->second);
  }
  const Share most = largest_share(loads, copies, gpu.sms, result.resident);
  result.tail = most.tail;
  std::vector<const BlockRecord*> of_sm;
  for (const std::int64_t index : most.pieces) of_sm.push_back(&blocks[index]);
  result.sm = simulate(gpu, of_sm, result.resident, keep);
}

KernelPrediction predict_kernel(const Gpu& gpu, std::span<const BlockRecord> blocks,
                                const Recording& recording, bool keep) {
  KernelPrediction result;
  result.kernel = blocks.front().kernel;
  if (is_persistent(blocks.front())) {
    const BlockRecord* const block = &blocks.front();
    result.resident = 1;
    result.tail = recording.persistent_tail;
    result.sm = simulate(gpu, {&block, 1}, 1, keep);
  } else {
    predict_grid(gpu, blocks, recording.copies, keep, result);
  }
  result.seconds = result.sm.cycles / gpu.clock_hz + gpu.launch_seconds;
  return result;
}

double size_of(tile::TensorId tensor, const Problem& p) {
  const auto element = static_cast<double>(size_in_bytes(p.dtype));
  const double d = static_cast<double>(p.head_dim) * element;
  if (tensor == Tensor::Q || tensor == Tensor::O)
    return static_cast<double>(p.total_q() * p.heads) * d;
  if (tensor == Tensor::K || tensor == Tensor::V)
    return static_cast<double>(p.total_k() * p.kv_heads) * d;
  return 0;
}

// Of what the blocks move of a tensor, what the second cache does not hold: the tensor once, if
// what is at work at a time fits; a workspace that does not fit is written and read as often as it
// is counted.
double bytes_from_hbm(const Gpu& gpu, const Recording& recording, tile::TensorId tensor) {
  const tile::Counters& cost = recording.counters;
  const auto counted = static_cast<double>(cost.hbm_read[tensor] + cost.hbm_write[tensor]);
  const auto workspace = static_cast<double>(cost.hbm_workspace[tensor]);
  if (workspace > 0) return workspace <= gpu.l2_bytes ? std::min(counted, workspace) : counted;
  const double size = size_of(tensor, recording.problem);
  return size > 0 ? std::min(counted, size) : counted;
}

using KernelBlocks = std::span<const BlockRecord>;

std::vector<KernelBlocks> kernels_of(std::span<const BlockRecord> blocks) {
  std::vector<KernelBlocks> kernels;
  for (std::size_t begin = 0, end; begin < blocks.size(); begin = end) {
    end = begin + 1;
    while (end < blocks.size() && blocks[end].kernel == blocks[begin].kernel) ++end;
    kernels.push_back(blocks.subspan(begin, end - begin));
  }
  return kernels;
}

// Of what comes from HBM, each kernel's: of a tensor's bytes its share of what the kernels move.
std::vector<double> hbm_bytes_of_kernels(const Gpu& gpu, const Recording& recording,
                                         const std::vector<KernelBlocks>& kernels) {
  std::vector<tile::PerTensor> moved(kernels.size());
  for (std::size_t k = 0; k < kernels.size(); ++k)
    for (const BlockRecord& block : kernels[k])
      for (const tile::Event& event : block.events)
        if (event.op.bytes > 0)
          moved[k][event.op.tensor] +=
              event.op.bytes * (is_persistent(block) ? gpu.sms : recording.copies);
  std::vector<double> bytes(kernels.size());
  for (const tile::TensorId tensor : Tensor::all) {
    double all = 0;
    for (const tile::PerTensor& kernel : moved) all += static_cast<double>(kernel[tensor]);
    for (std::size_t k = 0; k < kernels.size() && all > 0; ++k)
      bytes[k] +=
          bytes_from_hbm(gpu, recording, tensor) * static_cast<double>(moved[k][tensor]) / all;
  }
  return bytes;
}

}  // namespace

std::string_view name(Bound bound) {
  constexpr std::string_view names[] = {"tensor cores",   "exponentials", "FP32 lanes",
                                        "copies from L2", "HBM",          "latency"};
  return names[static_cast<int>(bound)];
}

Bound Prediction::bound() const {
  const KernelPrediction& longest =
      *std::ranges::max_element(kernels, {}, &KernelPrediction::seconds);
  const double cycles = longest.sm.cycles;
  if (longest.hbm_seconds >= 0.9 * longest.seconds) return Bound::hbm;
  const auto busiest = std::ranges::max_element(longest.sm.busy);
  constexpr double is_busy = 0.75;
  if (*busiest < is_busy * cycles) return Bound::latency;
  return static_cast<Bound>(busiest - longest.sm.busy.begin());
}

Prediction predict(const Gpu& gpu, const Recording& recording, bool keep_intervals) {
  Prediction result;
  result.flops = nominal_flops(recording.problem);
  result.block_bytes = static_cast<double>(recording.counters.hbm_bytes());
  const std::vector<KernelBlocks> kernels = kernels_of(recording.blocks);
  const std::vector<double> hbm_bytes = hbm_bytes_of_kernels(gpu, recording, kernels);
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    KernelPrediction kernel = predict_kernel(gpu, kernels[k], recording, keep_intervals);
    kernel.hbm_seconds = hbm_bytes[k] / gpu.hbm_bytes_per_s;
    kernel.seconds = std::max(kernel.seconds, kernel.hbm_seconds + gpu.launch_seconds);
    result.hbm_bytes += hbm_bytes[k];
    result.seconds += kernel.seconds;
    result.kernels.push_back(std::move(kernel));
  }
  return result;
}

}  // namespace flash::model
