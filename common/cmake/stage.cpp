// Compiled once per stage, whose folder (or a solution's) is then the first include path, and once
// per step: STAGE_HEADER is its kernel there, and STAGE its namespace. Once more, in a namespace of
// its own, with the tiles that the modelled GPU is given.
#include "tile/cpu/backend.h"
//
#include STAGE_HEADER
#include "stages/stage.h"

#ifdef ATTENTION_PUBLISHED_TILES
constexpr bool has_published_tiles = true;
#else
constexpr bool has_published_tiles = false;
#endif

static const flash::Registration registration(STAGE::stage<tile::cpu::Device>(),
                                              has_published_tiles);
