// What the roles of a block did at barriers, one after another: from this a failure says what
// led to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tile::cpu {

// A role, or the block, that waits until phase `phase` of a barrier is complete.
struct Wait {
  int role;
  int barrier;
  std::int64_t phase;
};

class History {
 public:
  struct Step {
    int role;
    std::string_view operation;  // wait, arrive, sync, or what it does to a tile
    std::string_view object;     // the barrier or the tile
    int barrier = -1;
    std::int64_t phase = -1;

    bool arrives() const { return operation == "arrive" || operation == "sync"; }
  };

  struct Barrier {
    std::string_view name;
    int arrivals;  // that complete a phase
    bool is_named;
  };

  void begin() {
    steps_.clear();
    barriers_.clear();
  }

  int add_barrier(const Barrier& barrier) {
    barriers_.push_back(barrier);
    return static_cast<int>(barriers_.size()) - 1;
  }

  void add(int role, std::string_view operation, int barrier, std::int64_t phase) {
    steps_.push_back({role, operation, barriers_[barrier].name, barrier, phase});
  }
  void add(int role, std::string_view operation, std::string_view tile) {
    steps_.push_back({role, operation, tile});
  }

  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Barrier>& barriers() const { return barriers_; }

  // The latest steps as a table of at most 10 lines of 75 columns: a column for each role, and
  // below what it waits for. Empty for a block without roles.
  std::string table(const std::vector<std::string_view>& roles,
                    const std::vector<Wait>& waits) const;

 private:
  std::vector<Step> steps_;
  std::vector<Barrier> barriers_;
};

}  // namespace tile::cpu
