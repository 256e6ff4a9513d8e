// Is a stage worth measuring? One large problem tells less than a few small ones.
#pragma once

#include <cstdint>
#include <string>

#include "stages/stage.h"
#include "tile/cpu/device.h"

namespace flash {

inline constexpr int precheck_schedules = 4;  // of the roles

// Runs the stage on the edge cases of the head dimension, on a device in checked mode, under
// several schedules. Returns the first failure with the problem that shows it; empty if none does.
std::string precheck(const Stage& stage, tile::cpu::Device& device, std::int64_t head_dim);

}  // namespace flash
