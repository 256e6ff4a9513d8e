#include "tile/cpu/checks/race_detector.h"

#include <algorithm>

namespace tile::cpu {

void RaceDetector::begin() {
  tiles_.clear();
  clocks_.assign(max_roles, Clock(max_roles));
  for (int r = 0; r < max_roles; ++r) clocks_[r][r] = 1;
  roles_ = {"the block"};
  barriers_.clear();
}

void RaceDetector::set_roles(std::vector<std::string_view> names, bool checked) {
  roles_ = std::move(names);
  if (!checked) return;
  const Clock before = release(0);
  for (Clock& clock : clocks_) merge(clock, before);
}

bool RaceDetector::knows(int role, const Clock& clock) const {
  return std::equal(clock.begin(), clock.begin() + max_roles, clocks_[role].begin(),
                    [](std::int64_t then, std::int64_t now) { return then <= now; });
}

std::vector<int> RaceDetector::readers(std::string_view tile) const {
  std::vector<int> roles;
  for (const State& state : tiles_) {
    if (state.name != tile) continue;
    for (const Access& read : state.reads) roles.push_back(read.role);
    roles.insert(roles.end(), state.operand_of.begin(), state.operand_of.end());
  }
  return roles;
}

void RaceDetector::acquire_phases(int role, int barrier, std::int64_t phases) {
  Clock clock(max_roles + barrier + 1);
  clock.back() = phases;
  acquire(role, clock);
}

std::string RaceDetector::read(int role, std::string_view operation, const float* data) {
  State& tile = find(data);
  if (std::string error = unordered_write(role, operation, tile, false); !error.empty())
    return error;
  note(tile.reads, {role, clocks_[role][role], operation});
  return {};
}

std::string RaceDetector::write(int role, std::string_view operation, const float* data) {
  State& tile = find(data);
  if (!tile.operand_of.empty())
    return say(operation, " overwrites ", tile.name, ", an operand of ", roles_[tile.operand_of[0]],
               "'s product in flight");
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

void RaceDetector::product_issued(int role, const float* result, const float* left,
                                  const float* right) {
  find(result).result_of = role;
  find(left).operand_of.push_back(role);
  find(right).operand_of.push_back(role);
}

void RaceDetector::product_done(int role, const float* left, const float* right) {
  for (const float* operand : {left, right}) {
    State& tile = find(operand);
    tile.operand_of.erase(std::find(tile.operand_of.begin(), tile.operand_of.end(), role));
    note(tile.reads, {role, clocks_[role][role], "mma_async"});
  }
}

void RaceDetector::result_done(int role, const float* result) {
  result_shown(result);
  find(result).last_write = {role, clocks_[role][role], "mma_async"};
}

RaceDetector::State& RaceDetector::find(const float* data) {
  return *std::find_if(tiles_.begin(), tiles_.end(),
                       [&](const State& t) { return t.begin <= data && data < t.end; });
}

bool RaceDetector::has_waited(int role, int barrier, std::int64_t phases) const {
  const auto at = static_cast<std::size_t>(max_roles + barrier);
  return at < clocks_[role].size() && clocks_[role][at] >= phases;
}

std::string RaceDetector::early_access(int role, std::string_view what, const Copy& copy) const {
  const std::string_view barrier = barriers_[copy.barrier];
  if (copy.hasty < 0 || !has_waited(role, copy.barrier, copy.phase))
    return say(what, " before waiting for barrier ", barrier, ", at which its load_async arrives");
  return say(roles_[copy.hasty], " completed phase ", std::to_string(copy.phase - 1),
             " of barrier ", barrier, " by an arrival that expects no bytes: ", what,
             " before its load_async has arrived");
}

void RaceDetector::note(std::vector<Access>& accesses, const Access& access) {
  for (Access& other : accesses)
    if (other.role == access.role) return void(other = access);
  accesses.push_back(access);
}

std::string RaceDetector::unordered_write(int role, std::string_view operation, const State& tile,
                                          bool writes) const {
  const std::string_view verb = writes ? " overwrites " : " reads ";
  if (tile.result_of >= 0)
    return say(operation, verb, tile.name, ", the result of ", roles_[tile.result_of],
               "'s product, before waiting for it");
  if (tile.copy.barrier >= 0 && !has_waited(role, tile.copy.barrier, tile.copy.phase + 1))
    return early_access(role, say(operation, verb, tile.name), tile.copy);
  if (tile.copy.barrier < 0 && tile.last_write.role >= 0 && tile.last_write.role != role &&
      !knows(role, tile.last_write))
    return say(operation, verb, tile.name, ", which ", roles_[tile.last_write.role], " wrote in ",
               tile.last_write.operation, " with no barrier between");
  return {};
}

}  // namespace tile::cpu
