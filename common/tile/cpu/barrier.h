// Barriers between the roles of a block, with the meaning of PTX's mbarrier and bar.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tile/cpu/block.h"

namespace tile::cpu {

// An mbarrier: its phase is complete when `arrivals` have arrived and every expected byte has. The
// next phase begins at once, with the other parity. (PTX ISA, "Parallel Synchronization and
// Communication Instructions: mbarrier".)
class Barrier final : public Signal {
 public:
  Barrier(Block& block, std::string_view name, int arrivals)
      : block_(&block), name_(name), arrivals_(arrivals), missing_(arrivals) {
    if (block.checked()) {
      index_ = block.race_detector().add_barrier(name);
      number = block.history().add_barrier({name, arrivals, false});
    }
    record_index_ = block.record_barrier(name, arrivals);
  }

  void arrive(std::int64_t expected_bytes = 0);

  // The phase that a copy issued now belongs to; `bytes` will arrive.
  std::int64_t issue(std::int64_t bytes);

  void bytes_arrived(std::int64_t bytes) {
    bytes_ -= bytes;
    complete();
  }

  // Returns once the latest phase of this parity is complete. Before the first phase the odd one
  // counts as complete, so that a producer finds its slots empty.
  void wait(int parity) {
    block_->count({.name = "wait", .unit = Unit::barrier});
    block_->record(Event::Kind::wait, parity, record_index_);
    if (block_->checked()) return wait_checked(parity);
    if (completed_phases % 2 == parity) block_->wait(*this, completed_phases + 1);
  }

  // The role whose arrival completed the last phase, if no byte was expected in it; otherwise -1.
  int hasty() const { return hasty_; }

  int index() const { return index_; }
  int record_index() const { return record_index_; }

  std::string describe() const override;

 private:
  // A role waits for phases in turn, or again for the one that it waited for last.
  void wait_checked(int parity);

  // Once a second phase is complete, the parity says that the first is not.
  void require_not_lapped(std::int64_t phase) const;

  void require_enough_expected() const;

  void release() {
    if (block_->checked()) merge(arriving_, block_->race_detector().release(block_->role()));
  }

  void complete() {
    if (missing_ > 0 || bytes_ != 0) return;
    ++completed_phases;
    hasty_ = expected_ == 0 ? block_->role() : -1;
    missing_ = arrivals_;
    expected_ = issued_ = 0;
    completed_ = arriving_;
  }

  Block* block_;
  std::string_view name_;
  int arrivals_, missing_;
  int index_ = -1, record_index_ = -1;
  int hasty_ = -1;
  std::int64_t bytes_ = 0;                  // expected and not yet there
  std::int64_t expected_ = 0, issued_ = 0;  // bytes of this phase
  Clock arriving_, completed_;
  std::int64_t next_phase_[RaceDetector::max_roles] =
      {};  // of each role, the next that it waits for
};

// bar.sync and bar.arrive: complete when `arrivals` warpgroups have arrived, then begins again.
class NamedBarrier final : public Signal {
 public:
  NamedBarrier(Block& block, std::string_view name, int arrivals)
      : block_(&block), name_(name), arrivals_(arrivals), missing_(arrivals) {
    record_index_ = block.record_barrier(name, arrivals);
    if (block.checked()) number = block.history().add_barrier({name, arrivals, true});
  }

  void arrive() {
    block_->record(Event::Kind::arrive, 0, record_index_);
    count_arrival("arrive");
  }

  // Arrives, and waits until the others have.
  void sync();

  std::string describe() const override;

 private:
  void count_arrival(std::string_view operation);

  // A role arrives once in a phase, whatever the schedule: it knows that the one before is over.
  void require_next_phase() const;

  Block* block_;
  std::string_view name_;
  int arrivals_, missing_;
  int record_index_ = -1;
  Clock arriving_, completed_;
  std::array<Clock, RaceDetector::max_roles> last_;             // phase of each role, once complete
  std::array<bool, RaceDetector::max_roles> has_arrived_ = {};  // in this one
};

inline void arrive(Barrier& barrier) {
  barrier.arrive();
}
// One arrival, which promises that copies will bring so many bytes.
inline void arrive_and_expect(Barrier& barrier, std::int64_t bytes) {
  barrier.arrive(bytes);
}
inline void wait(Barrier& barrier, int parity) {
  barrier.wait(parity);
}
inline void arrive(NamedBarrier& barrier) {
  barrier.arrive();
}
inline void sync(NamedBarrier& barrier) {
  barrier.sync();
}

}  // namespace tile::cpu
