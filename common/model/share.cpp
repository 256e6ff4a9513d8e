#include "model/share.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

#include "model/simulate.h"

namespace flash::model {

using tile::Event;

Share largest_share(const std::vector<double>& loads, std::int64_t copies, int sms, int resident,
                    std::int64_t section) {
  std::vector<std::int64_t> order;
  const auto load_of = [&](std::int64_t i) { return loads[i]; };
  std::int64_t sorted = 0;
  for (std::int64_t copy = 0; copy < copies; ++copy) {
    for (std::size_t i = 0; i < loads.size(); ++i) order.push_back(static_cast<std::int64_t>(i));
    if (section == 0 || ((copy + 1) % section != 0 && copy + 1 < copies)) continue;
    std::ranges::stable_sort(order.begin() + sorted, order.end(), std::greater(), load_of);
    sorted = std::ssize(order);
  }

  using Place = std::pair<double, int>;  // when it is free, and its number
  std::priority_queue<Place, std::vector<Place>, std::greater<>> places;
  for (int place = 0; place < sms * resident; ++place) places.push({0, place});
  std::vector<Share> shares(sms);
  for (const std::int64_t piece : order) {
    const auto [free, place] = places.top();
    places.pop();
    shares[place % sms].pieces.push_back(piece);
    places.push({free + load_of(piece), place});
  }
  const auto total = [&](const Share& share) {
    return std::transform_reduce(share.pieces.begin(), share.pieces.end(), 0.0, std::plus(),
                                 load_of);
  };
  Share most = *std::ranges::max_element(shares, {}, total);
  const double all = static_cast<double>(copies) * std::reduce(loads.begin(), loads.end());
  most.tail = total(most) > 0 ? 1 - all / (total(most) * sms) : 0;
  return most;
}

std::vector<KernelBlocks> kernels_of(std::span<const tile::BlockRecord> blocks) {
  std::vector<KernelBlocks> kernels;
  for (std::size_t begin = 0, end; begin < blocks.size(); begin = end) {
    end = begin + 1;
    while (end < blocks.size() && blocks[end].kernel == blocks[begin].kernel) ++end;
    kernels.push_back(blocks.subspan(begin, end - begin));
  }
  return kernels;
}

namespace {

bool has(const tile::BlockRecord& block, Event::Kind kind) {
  return std::ranges::any_of(block.events, [&](const Event& event) { return event.kind == kind; });
}

}  // namespace

bool has_asynchronous_products(const tile::BlockRecord& block) {
  return has(block, Event::Kind::product);
}

bool is_persistent(const tile::BlockRecord& block) {
  return has(block, Event::Kind::work);
}

std::vector<double> loads_of(const tile::BlockRecord& persistent) {
  std::vector<double> loads;
  std::vector<std::size_t> taken(persistent.roles.size(), 0);  // pieces, by each role
  for (const Event& event : persistent.events) {
    if (event.kind == Event::Kind::work) ++taken[event.role];
    const std::size_t piece = taken[event.role];
    if (piece == 0) continue;  // before its first
    if (event.kind == Event::Kind::work && event.amount < 0) continue;
    if (loads.size() < piece) loads.resize(piece, 0);
    if (event.kind != Event::Kind::work || event.amount >= 0) loads[piece - 1] += 1;
  }
  return loads;
}

int resident_blocks(const Gpu& gpu, const tile::BlockRecord& block) {
  // Roles divide all registers of an SM among them: a producer has 24 a thread, two consumers 240,
  // 64512 of 65536; with three they have 32 and 160, all of them.
  if (block.roles.size() > 1) return 1;
  std::int64_t blocks = gpu.max_blocks;
  if (block.shared_bytes > 0) blocks = std::min(blocks, gpu.shared_bytes / block.shared_bytes);
  // A compiler puts P where S was, which nobody needs any more.
  const std::int64_t registers = block.register_bytes - block.converted_bytes;
  if (registers > 0) blocks = std::min(blocks, gpu.register_bytes / registers);
  return static_cast<int>(std::max<std::int64_t>(blocks, 1));
}

}  // namespace flash::model
