#include "tile/cpu/block.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "tile/cpu/checks/deadlock.h"

namespace tile::cpu {

void Block::begin(GridIndex position, std::int64_t index, BlockRecord* record) {
  position_ = position;
  record_ = record;
  if (record)
    *record = {
        .kernel = std::string(kernel_), .position = position, .dtype = dtype_, .roles = {""}};
  core_.scheduler.begin(schedule_, static_cast<std::uint64_t>(index));
  if (checked_) race_detector_.begin();
  if (checked_) async_products_.begin();
  if (checked_) history_.begin();
  work_.clear();
  tiles_.clear();
  used_floats_ = 0;
  used_bytes_ = {};
}

void Block::record(Event::Kind kind, const Op& op, std::string_view tile) {
  if (op.unit == Unit::barrier) return;  // recorded as what it is
  std::vector<std::string>& tiles = record_->tiles;
  const auto found = std::find(tiles.begin(), tiles.end(), tile);
  const auto index = static_cast<std::int16_t>(found - tiles.begin());
  if (found == tiles.end()) tiles.emplace_back(tile);
  record_event({.kind = kind, .tile = index, .op = op}, -1);
  if (op.name == "convert") record_converted(tile);
}

void Block::record_converted(std::string_view tile) {
  const auto found = std::ranges::find(tiles_, tile, &Allocation::tile);
  if (found == tiles_.end() || found->space != Space::registers) return;
  if (!std::exchange(found->converted, true)) record_->converted_bytes += found->bytes;
}

void Block::record_event(Event event, int barrier) {
  event.role = static_cast<std::int8_t>(role());
  event.barrier = static_cast<std::int16_t>(barrier);
  record_->events.push_back(event);
}

int Block::record_barrier(std::string_view name, int arrivals) {
  if (!record_) return -1;
  record_->barriers.push_back({std::string(name), arrivals});
  return static_cast<int>(record_->barriers.size()) - 1;
}

float* Block::allocate(std::string_view tile, Space space, std::int64_t elements, int element_bytes,
                       std::int64_t floats) {
  const std::int64_t bytes = elements * element_bytes;
  used_bytes_[static_cast<int>(space)] += bytes;
  if (bytes > 0) tiles_.push_back({tile, space, bytes});
  enforce_capacity(space);
  if (record_) {
    record_->shared_bytes = used_bytes_[static_cast<int>(Space::shared)];
    record_->register_bytes = used_bytes_[static_cast<int>(Space::registers)];
  }
  counters_.on_chip_peak = std::max(counters_.on_chip_peak, used_bytes_[0] + used_bytes_[1]);
  float* data = storage() + used_floats_;
  used_floats_ += (floats + 15) / 16 * 16;
  if (checked_) {
    std::fill_n(data, floats, std::bit_cast<float>(unwritten));
    race_detector_.add_tile(tile, data, floats);
  }
  return data;
}

std::string_view Block::numbered(std::string_view label, std::string_view what, std::size_t i) {
  return named(std::string(label) + std::string(what) + "[" + std::to_string(i) + "]");
}

void Block::wait(const Signal& signal, std::int64_t times) {
  try {
    core_.scheduler.wait(signal, times);
  } catch (const Deadlock& deadlock) {
    fail(deadlock, "");
  }
}

void Block::run(std::vector<Role> roles) {
  std::vector<std::string_view> names;
  for (const Role& role : roles) names.push_back(role.name);
  if (record_) record_->roles.assign(names.begin(), names.end());
  race_detector_.set_roles(std::move(names), checked_);
  try {
    core_.scheduler.run(std::move(roles));
  } catch (const Deadlock& deadlock) {
    fail(deadlock, "no role can go on: ");
  }
}

void Block::fail(const Deadlock& deadlock, std::string_view what) const {
  std::string cause;
  if (checked_)
    cause =
        cause_of_deadlock(history_, race_detector_, race_detector_.role_names(), deadlock.waits);
  fail(std::string(what) + cause + (cause.empty() ? "" : ": ") + deadlock.text, deadlock.waits);
}

void Block::fail(std::string_view what, const std::vector<Wait>& waits) const {
  TileError error(std::string(kernel_) + ", block (" + std::to_string(position_.x) + ", " +
                  std::to_string(position_.y) + ", " + std::to_string(position_.z) + ")" +
                  (core_.scheduler.current() < 0
                       ? ""
                       : ", " + std::string(race_detector_.role_name(core_.scheduler.current()))) +
                  ": " + std::string(what));
  if (checked_) error.steps = history_.table(race_detector_.role_names(), waits);
  error.switches = core_.scheduler.switches();
  throw error;
}

void Block::enforce_capacity(Space space) const {
  const bool shared = space == Space::shared;
  const std::int64_t capacity = shared ? gpu_.shared_bytes : gpu_.register_bytes;
  if (used_bytes_[static_cast<int>(space)] <= capacity) return;
  std::string sizes;
  for (const Allocation& a : tiles_)
    if (a.space == space)
      sizes += (sizes.empty() ? "" : " + ") + std::string(a.tile) + " " + std::to_string(a.bytes);
  fail(sizes + " bytes of " + (shared ? "shared memory" : "registers") + " do not fit in the " +
       std::to_string(capacity) + " of " + std::string(gpu_.name));
}

float* Block::storage() {
  if (!core_.storage)
    core_.storage = make_aligned<float>(gpu_.shared_bytes * 3 / 2 + gpu_.register_bytes);
  return core_.storage.get();
}

}  // namespace tile::cpu
