// Quantised KV caches, which only stage 06 reads: what no conformance case has.
#pragma once

#include <ostream>

#include "stages/stage.h"

namespace flash {

// Runs a stage that reads caches on a few in FP8, in pages and without, each key head with scales
// of its own. Says which fail, and which scale is forgotten or in the wrong place; nothing if all
// pass, or the stage reads none. Returns how many failed.
int examine_caches(const Stage& stage, std::ostream& out);

}  // namespace flash
