// Compiled once for each stage that teaches the backward pass: its backward.h, as another pass of
// the stage.
#include "tile/cpu/backend.h"
//
#include "backward.h"
#include "stages/stage.h"

static const flash::Registration registration(STAGE_NAME,
                                              STAGE::backward_pass<tile::cpu::Device>());
