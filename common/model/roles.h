// What a simulation knows of the roles and barriers of the blocks that it has begun.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
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
  double time = 0;
  double exponentials_end = 0;
  std::size_t next = 0;                         // of its events
  std::vector<const tile::Event*> events = {};  // its own
  std::map<int, std::int64_t> next_phase = {};
  std::map<int, double> last_load = {};  // by tile
  std::vector<double> groups = {};       // ends of committed groups
  double open_group = 0;
  std::int64_t awaited = -1;  // phase of the barrier of events[next], once it was begun
};

// A block that an SM has begun.
struct Resident {
  const tile::BlockRecord* record;
  std::vector<Phases> barriers;
};

}  // namespace flash::model
