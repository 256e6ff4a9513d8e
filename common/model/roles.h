// What a simulation knows of the roles and barriers of the blocks that it has begun.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tile/record.h"

namespace flash::model {

// The phases of a barrier.
struct Phases {
  int arrivals, missing;
  std::int64_t bytes = 0;              // announced and not yet issued
  double latest = 0;                   // of what this phase has so far
  std::vector<double> completed = {};  // times

  void arrive(double time) {
    latest = std::max(latest, time);
    --missing;
    complete();
  }
  void bytes_come(std::int64_t count, double time) {
    latest = std::max(latest, time);
    bytes -= count;
    complete();
  }
  void complete() {
    if (missing > 0 || bytes != 0) return;
    completed.push_back(latest);
    missing = arrivals;
    latest = 0;
  }
};

// How far a role is.
struct Role {
  int block, index;
  double began = 0;
  double time = 0;
  double exponentials_end = 0;
  std::size_t next = 0;                         // of its events
  std::vector<const tile::Event*> events = {};  // its own
  std::map<int, std::int64_t> next_phase = {};
  std::map<int, double> last_load = {};  // by tile
  std::vector<double> groups = {};       // ends of committed groups
  double open_group = 0;
  const tile::Op* issues = nullptr;  // the copy that the next event issues
  std::int64_t awaited = -1;         // phase of the barrier of events[next], once it was begun

  // The phase that a wait is for: a role waits for them in turn. -1: the one before the first.
  std::int64_t phase_of_wait(const tile::Event& event) {
    std::int64_t& following = next_phase[event.barrier];
    const std::int64_t phase = following % 2 == event.amount ? following : following - 1;
    following = phase + 1;
    return phase;
  }

  void close_group() {
    groups.push_back(open_group);
    open_group = 0;
  }

  // When all groups but the `pending` latest are done, which are forgotten; 0: there are none.
  double end_of_groups(std::int64_t pending) {
    const std::int64_t done = std::ssize(groups) - pending;
    if (done <= 0) return 0;
    const double end = *std::max_element(groups.begin(), groups.begin() + done);
    groups.erase(groups.begin(), groups.begin() + done);
    return end;
  }
};

// A block that an SM has begun.
struct Resident {
  const tile::BlockRecord* record;
  int roles_left;  // that have not ended
  std::vector<Phases> barriers = {};

  explicit Resident(const tile::BlockRecord& begun)
      : record(&begun), roles_left(static_cast<int>(begun.roles.size())) {
    for (const tile::BarrierRecord& barrier : begun.barriers)
      barriers.push_back({barrier.arrivals, barrier.arrivals});
  }

  std::string label(std::string_view what, int tile) const {
    return std::string(what) + (tile >= 0 ? " " + record->tiles[tile] : "");
  }
};

}  // namespace flash::model
