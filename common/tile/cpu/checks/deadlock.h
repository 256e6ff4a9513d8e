// Of roles that wait for one another: what was never done that all of them wait for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tile/cpu/checks/history.h"
#include "tile/cpu/checks/race_detector.h"

namespace tile::cpu {

// In one clause; empty where the history does not say. The roles that do not wait have ended; a
// block without roles has one. Rings are known by the names of their barriers, see tile/roles.h.
std::string cause_of_deadlock(const History& history, const RaceDetector& detector,
                              const std::vector<std::string_view>& roles,
                              const std::vector<Wait>& waits);

}  // namespace tile::cpu
