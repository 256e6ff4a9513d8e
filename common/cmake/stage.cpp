// Compiled once per stage, whose folder (or a solution's) is then the first include path, and once
// per step: STAGE_HEADER is its kernel there, and STAGE its namespace.
#include "tile/cpu/backend.h"
//
#include STAGE_HEADER
#include "stages/stage.h"

static const flash::Registration registration(STAGE::stage<tile::cpu::Device>());
