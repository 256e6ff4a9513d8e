// Checked mode, over the tiles of a block: is every access ordered after those it depends
// on?
//
// Each role keeps a vector clock (Lamport, 1978; Mattern, 1989): of every other role, how far it
// knows that role to be, and of every mbarrier, how many phases it has waited for. A barrier hands
// clocks from those who arrive to those who wait. An access is ordered after another if the role's
// clock says so; what merely happened earlier in this run is not, so a race is found under
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

  void begin();

  // The roles begin knowing what the block did before.
  void set_roles(std::vector<std::string_view> names, bool checked);
  std::string_view role_name(int role) const { return roles_[role]; }
  const std::vector<std::string_view>& role_names() const { return roles_; }

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

  // Whether the role knows what the others did that gave this clock.
  bool knows(int role, const Clock& clock) const;

  // The roles that have read a tile since it was written, or are about to.
  std::vector<int> readers(std::string_view tile) const;

  // The role has waited until `phases` phases of the barrier were complete.
  void acquire_phases(int role, int barrier, std::int64_t phases);

  // What is wrong with the access that `role` is about to make; empty if nothing is.
  std::string read(int role, std::string_view operation, const float* data);

  std::string write(int role, std::string_view operation, const float* data);

  // The tile is written by a copy that arrives at a phase of a barrier. `hasty` is the role whose
  // arrival completed the phase before without a byte, if one did; -1 otherwise.
  void copy_issued(const float* data, int barrier, std::int64_t phase, int hasty = -1) {
    find(data).copy = {barrier, phase, hasty};
  }

  // A product in flight reads its operands and writes its result until the role has waited for it.
  void product_issued(int role, const float* result, const float* left, const float* right);
  void product_done(int role, const float* left, const float* right);
  void result_shown(const float* result) { find(result).result_of = -1; }
  void result_done(int role, const float* result);
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
    int hasty = -1;
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

  State& find(const float* data);

  bool knows(int role, const Access& access) const {
    return clocks_[role][access.role] >= access.time;
  }

  // Until so many phases were complete.
  bool has_waited(int role, int barrier, std::int64_t phases) const;

  std::string early_access(int role, std::string_view what, const Copy& copy) const;

  static void note(std::vector<Access>& accesses, const Access& access);

  std::string unordered_write(int role, std::string_view operation, const State& tile,
                              bool writes) const;

  std::vector<State> tiles_;
  std::vector<Clock> clocks_;  // of each role
  std::vector<std::string_view> roles_, barriers_;
};

}  // namespace tile::cpu
