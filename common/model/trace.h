// A timeline in the Trace Event Format, which chrome://tracing and ui.perfetto.dev open.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/simulate.h"
#include "model/sm.h"

namespace flash::model {

// A process for the roles, with a thread for each role of each block, and one for the units. Times
// are microseconds of the GPU's clock; `roles` are those of one block.
nlohmann::ordered_json trace_of(const Gpu& gpu, const Timeline& timeline,
                                const std::vector<std::string>& roles);

}  // namespace flash::model
