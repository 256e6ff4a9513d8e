// Which SM gets which blocks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tile/record.h"

namespace flash::model {

// What the SM with the most work has to do.
struct Share {
  std::vector<std::int64_t> pieces;  // indices into the loads, in its order
  double tail;                       // share of all SMs' time that is without work at the end
};

// `copies` times all pieces of these loads are taken in order, by whoever of `sms` times `resident`
// places is free first. Of each `section` copies the longest come first, if it is not 0.
Share largest_share(const std::vector<double>& loads, std::int64_t copies, int sms, int resident,
                    std::int64_t section = 0);

using KernelBlocks = std::span<const tile::BlockRecord>;

// The blocks of each kernel, which are adjacent.
std::vector<KernelBlocks> kernels_of(std::span<const tile::BlockRecord> blocks);

// Whether its products are issued and then waited for (WGMMA).
bool has_asynchronous_products(const tile::BlockRecord& block);

// Whether a block takes pieces of work; and how much there is in each of them, in events.
bool is_persistent(const tile::BlockRecord& block);
std::vector<double> loads_of(const tile::BlockRecord& persistent);

}  // namespace flash::model
