// Records of blocks that do what a test says, and a GPU of round numbers that does it.
#pragma once

#include <string>
#include <vector>

#include "model/simulate.h"

namespace flash::model {

using tile::BlockRecord;
using tile::Event;
using tile::Unit;

// 1000 FLOPs of products, 10 exponentials, 100 FP32 results and 10 bytes a clock; nothing else
// takes time.
constexpr Gpu round_gpu() {
  Gpu gpu{};
  gpu.name = "round";
  gpu.sms = 1;
  gpu.clock_hz = 1e9;
  gpu.flops_16bit = 1000;
  gpu.mma_sync = {500, 500, 250};
  gpu.exponentials = {10, 5};
  gpu.fma = gpu.maxima = gpu.conversions = {100, 100};
  gpu.l2_bytes_per_s = 10e9;
  gpu.shared_bytes = 1000;
  gpu.register_bytes = 1000;
  gpu.max_blocks = 4;
  return gpu;
}

inline Event of(int role, Event::Kind kind, std::int64_t amount = 0, int barrier = -1) {
  return {.kind = kind,
          .role = static_cast<std::int8_t>(role),
          .barrier = static_cast<std::int16_t>(barrier),
          .amount = amount};
}
inline Event product(int role, std::int64_t flops, Event::Kind kind = Event::Kind::product) {
  Event event = of(role, kind);
  event.op = {.name = "mma_AB", .unit = Unit::tensor_core, .flops = flops};
  return event;
}
inline Event exponentials(int role, std::int64_t count) {
  Event event = of(role, Event::Kind::op);
  event.op = {.name = "log_sum_exp", .unit = Unit::exponential, .elements = count};
  return event;
}
inline Event wait_products(int role, std::int64_t left) {
  return of(role, Event::Kind::wait_products, left);
}
inline Event commit(int role) {
  return of(role, Event::Kind::commit);
}

inline BlockRecord block(std::vector<std::string> roles, std::vector<Event> events,
                         std::vector<tile::BarrierRecord> barriers = {}) {
  BlockRecord record;
  record.kernel = "planted";
  record.dtype = tile::DType::bf16;
  record.roles = std::move(roles);
  record.tiles = {"t"};
  record.barriers = std::move(barriers);
  record.events = std::move(events);
  for (Event& event : record.events) event.tile = event.op.name.empty() ? -1 : 0;
  return record;
}

inline Timeline run(const BlockRecord& record) {
  static constexpr Gpu gpu = round_gpu();
  const BlockRecord* const one = &record;
  return simulate(gpu, {&one, 1}, 1, {}, true);
}

}  // namespace flash::model
