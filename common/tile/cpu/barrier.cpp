#include "tile/cpu/barrier.h"

namespace tile::cpu {

void Barrier::arrive(std::int64_t expected_bytes) {
  block_->count({.name = "arrive", .unit = Unit::barrier});
  block_->record(Event::Kind::arrive, expected_bytes, record_index_);
  if (missing_ == 0) block_->fail("an arrival too many: " + describe());
  bytes_ += expected_bytes;
  expected_ += expected_bytes;
  --missing_;
  release();
  require_enough_expected();
  complete();
}

std::int64_t Barrier::issue(std::int64_t bytes) {
  issued_ += bytes;
  require_enough_expected();
  release();
  return completed_phases;
}

std::string Barrier::describe() const {
  std::string text =
      "barrier " + std::string(name_) + ", phase " + std::to_string(completed_phases) + ": " +
      std::to_string(arrivals_ - missing_) + " of " + std::to_string(arrivals_) + " arrivals";
  if (expected_ > 0 || issued_ > 0)
    text += ", " + std::to_string(expected_) + " bytes expected and " + std::to_string(issued_) +
            " on their way";
  return text;
}

void Barrier::wait_checked(int parity) {
  const int role = block_->role();
  std::int64_t& next = next_phase_[role];
  const std::int64_t phase = next % 2 == parity ? next : next - 1;
  require_not_lapped(phase);
  block_->wait(*this, phase + 1);
  require_not_lapped(phase);
  next = phase + 1;
  block_->race_detector().acquire(role, completed_);
  block_->race_detector().acquire_phases(role, index_, phase + 1);
}

void Barrier::require_not_lapped(std::int64_t phase) const {
  if (completed_phases <= phase + 1) return;
  block_->fail("lapped: waits for phase " + std::to_string(phase) + " of barrier " +
               std::string(name_) + ", and phase " + std::to_string(phase + 1) +
               " is complete as well");
}

void Barrier::require_enough_expected() const {
  if (missing_ == 0 && issued_ > expected_) block_->fail("more bytes than expected: " + describe());
}

void NamedBarrier::count_arrival() {
  block_->count({.name = "arrive", .unit = Unit::barrier});
  if (block_->checked()) merge(arriving_, block_->race_detector().release(block_->role()));
  if (--missing_ > 0) return;
  ++completed_phases;
  missing_ = arrivals_;
  completed_ = arriving_;
}

void NamedBarrier::sync() {
  const std::int64_t mine = completed_phases;
  block_->record(Event::Kind::sync, 0, record_index_);
  count_arrival();
  block_->wait(*this, mine + 1);
  if (block_->checked()) block_->race_detector().acquire(block_->role(), completed_);
}

std::string NamedBarrier::describe() const {
  return "named barrier " + std::string(name_) + ": " + std::to_string(arrivals_ - missing_) +
         " of " + std::to_string(arrivals_) + " arrivals";
}

}  // namespace tile::cpu
