#include "tile/cpu/barrier.h"

namespace tile::cpu {

void Barrier::arrive(std::int64_t expected_bytes) {
  block_->count({.name = "arrive", .unit = Unit::barrier});
  block_->record(Event::Kind::arrive, expected_bytes, record_index_);
  if (block_->checked()) block_->history().add(block_->role(), "arrive", number, completed_phases);
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
  block_->history().add(role, "wait", number, phase);
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

void NamedBarrier::require_next_phase() const {
  const int role = block_->role();
  if (has_arrived_[role])
    block_->fail("arrives twice in one phase of " + describe() + ", and does not wait between");
  if (!last_[role].empty() && !block_->race_detector().knows(role, last_[role]))
    block_->fail("may arrive twice in one phase of " + describe() +
                 ": it has not waited for the phase of its last arrival");
}

void NamedBarrier::count_arrival(std::string_view operation) {
  block_->count({.name = "arrive", .unit = Unit::barrier});
  if (block_->checked()) {
    const int role = block_->role();
    block_->history().add(role, operation, number, completed_phases);
    require_next_phase();
    has_arrived_[role] = true;
    merge(arriving_, block_->race_detector().release(role));
  }
  if (--missing_ > 0) return;
  ++completed_phases;
  missing_ = arrivals_;
  completed_ = arriving_;
  for (int role = 0; role < RaceDetector::max_roles; ++role)
    if (has_arrived_[role]) last_[role] = completed_;
  has_arrived_ = {};
}

void NamedBarrier::sync() {
  const std::int64_t mine = completed_phases;
  block_->record(Event::Kind::sync, 0, record_index_);
  count_arrival("sync");
  block_->wait(*this, mine + 1);
  if (block_->checked()) block_->race_detector().acquire(block_->role(), completed_);
}

std::string NamedBarrier::describe() const {
  return "named barrier " + std::string(name_) + ": " + std::to_string(arrivals_ - missing_) +
         " of " + std::to_string(arrivals_) + " arrivals";
}

}  // namespace tile::cpu
