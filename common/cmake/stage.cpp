// Compiled once per stage, whose folder (or a solution's) is then the first include path, and whose
// namespace is STAGE.
#include "tile/cpu/backend.h"
//
#include "attention.h"
#include "stages/stage.h"

static const flash::Registration registration(STAGE::stage<tile::cpu::Device>());
