// Compiled once per stage, whose folder (or a solution's) is then the first include path, and once
// per step: STAGE_HEADER is its kernel there, and STAGE its namespace. Once more, in a namespace of
// its own, with the tiles that the modelled GPU is given. With ATTENTION_QUICK it is only what the
// quick cases run.
#include "tile/cpu/backend.h"
//
#include STAGE_HEADER
#include "stages/stage.h"

#ifdef ATTENTION_PUBLISHED_TILES
constexpr flash::Tiles compiled_with = flash::ATTENTION_TILES_OF;
#else
constexpr flash::Tiles compiled_with = flash::Tiles::own;
#endif

#ifdef ATTENTION_QUICK
static const flash::Registration registration(STAGE::stage<tile::cpu::Device>());
#else
static const flash::Registration registration(STAGE::stage<tile::cpu::Device>(),
                                              STAGE::variants<tile::cpu::Device>(), compiled_with);
#endif
