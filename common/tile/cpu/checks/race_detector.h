// Checked mode, over the tiles of a block: is every access ordered after those it depends
// on?
//
// Each role keeps a vector clock (Lamport, 1978; Mattern, 1989): of every other role, how far it
// knows that role to be, and of every mbarrier, how many phases it has waited for. A barrier hands
// clocks from those who arrive to those who wait. An access is ordered after another if the role's
// clock says so; what merely completed_phases earlier in this run is not, so a race is found under
// any schedule.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tile::cpu {

using Clock = std::vector<std::int64_t>;

inline void merge(Clock& into, const Clock& from) {
  if (into.size() < from.size()) into.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) into[i] = std::max(into[i], from[i]);
}

class RaceDetector {
 public:
  static constexpr int max_roles = 8;

  RaceDetector() { begin(); }

  void begin() {
    tiles_.clear();
    clocks_.assign(max_roles, Clock(max_roles));
    for (int r = 0; r < max_roles; ++r) clocks_[r][r] = 1;
    roles_ = {"the block"};
    barriers_.clear();
  }

  // The roles begin knowing what the block did before.
  void set_roles(std::vector<std::string_view> names) {
    roles_ = std::move(names);
    const Clock before = release(0);
    for (Clock& clock : clocks_) merge(clock, before);
  }
  std::string_view role_name(int role) const { return roles_[role]; }

  int add_barrier(std::string_view name) {
    barriers_.push_back(name);
    return static_cast<int>(barriers_.size()) - 1;
  }

  void add_tile(std::string_view name, const float* data, std::int64_t elements) {
    tiles_.push_back({.name = name, .begin = data, .end = data + elements});
  }

  // What a role knows, given away where it arrives; it goes on with a later time.
  Clock release(int role) {
    Clock clock = clocks_[role];
    ++clocks_[role][role];
    return clock;
  }
  void acquire(int role, const Clock& clock) { merge(clocks_[role], clock); }

  // The role has waited until `phases` phases of the barrier were complete.
  void acquire_phases(int role, int barrier, std::int64_t phases) {
    Clock clock(max_roles + barrier + 1);
    clock.back() = phases;
    acquire(role, clock);
  }

  // What is wrong with the access that `role` is about to make; empty if nothing is.
  std::string read(int role, std::string_view operation, const float* data) {
    State& tile = find(data);
    if (std::string error = unordered_write(role, operation, tile, false); !error.empty())
      return error;
    note(tile.reads, {role, clocks_[role][role], operation});
    return {};
  }

  std::string write(int role, std::string_view operation, const float* data) {
    State& tile = find(data);
    if (!tile.operand_of.empty())
      return say(operation, " overwrites ", tile.name, ", an operand of ",
                 roles_[tile.operand_of[0]], "'s product in flight");
    if (std::string error = unordered_write(role, operation, tile, true); !error.empty())
      return error;
    for (const Access& read : tile.reads)
      if (read.role != role && !knows(role, read))
        return say(operation, " overwrites ", tile.name, " before ", roles_[read.role],
                   ", which used it in ", read.operation, ", has released it");
    tile.reads.clear();
    tile.last_write = {role, clocks_[role][role], operation};
    tile.copy = {};
    return {};
  }

  // The tile is written by a copy that arrives at a phase of a barrier.
  void copy_issued(const float* data, int barrier, std::int64_t phase) {
    find(data).copy = {barrier, phase};
  }

  // A product in flight reads its operands and writes its result until the role has waited for it.
  void product_issued(int role, const float* result, const float* left, const float* right) {
    find(result).result_of = role;
    find(left).operand_of.push_back(role);
    find(right).operand_of.push_back(role);
  }
  void product_done(int role, const float* left, const float* right) {
    for (const float* operand : {left, right}) {
      State& tile = find(operand);
      tile.operand_of.erase(std::find(tile.operand_of.begin(), tile.operand_of.end(), role));
      note(tile.reads, {role, clocks_[role][role], "mma_async"});
    }
  }
  void result_shown(const float* result) { find(result).result_of = -1; }
  void result_done(int role, const float* result) {
    result_shown(result);
    find(result).last_write = {role, clocks_[role][role], "mma_async"};
  }
  bool is_result_of(int role, const float* data) { return find(data).result_of == role; }

  static std::string say(auto&&... parts) {
    std::string text;
    ((text += parts), ...);
    return text;
  }

 private:
  struct Access {
    int role = -1;
    std::int64_t time = 0;
    std::string_view operation;
  };

  struct Copy {
    int barrier = -1;
    std::int64_t phase = 0;
  };

  struct State {
    std::string_view name;
    const float *begin, *end;
    Access last_write = {};
    std::vector<Access> reads = {};    // since then, the latest of each role
    Copy copy = {};                    // what wrote last, if it was one
    std::vector<int> operand_of = {};  // the role of each product in flight that reads it
    int result_of = -1;                // the role whose product in flight writes it
  };

  State& find(const float* data) {
    return *std::find_if(tiles_.begin(), tiles_.end(),
                         [&](const State& t) { return t.begin <= data && data < t.end; });
  }

  bool knows(int role, const Access& access) const {
    return clocks_[role][access.role] >= access.time;
  }

  bool has_waited(int role, const Copy& copy) const {
    const auto at = static_cast<std::size_t>(max_roles + copy.barrier);
    return at < clocks_[role].size() && clocks_[role][at] > copy.phase;
  }

  static void note(std::vector<Access>& accesses, const Access& access) {
    for (Access& other : accesses)
      if (other.role == access.role) return void(other = access);
    accesses.push_back(access);
  }

  std::string unordered_write(int role, std::string_view operation, const State& tile,
                              bool writes) const {
    const std::string_view verb = writes ? " overwrites " : " reads ";
    if (tile.result_of >= 0)
      return say(operation, verb, tile.name, ", the result of ", roles_[tile.result_of],
                 "'s product, before waiting for it");
    if (tile.copy.barrier >= 0 && !has_waited(role, tile.copy))
      return say(operation, verb, tile.name, " before waiting for barrier ",
                 barriers_[tile.copy.barrier], ", at which its load_async arrives");
    if (tile.copy.barrier < 0 && tile.last_write.role >= 0 && tile.last_write.role != role &&
        !knows(role, tile.last_write))
      return say(operation, verb, tile.name, ", which ", roles_[tile.last_write.role], " wrote in ",
                 tile.last_write.operation, " with no barrier between");
    return {};
  }

  std::vector<State> tiles_;
  std::vector<Clock> clocks_;  // of each role
  std::vector<std::string_view> roles_, barriers_;
};

}  // namespace tile::cpu
