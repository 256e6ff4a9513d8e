// What a stage's attention.h includes: the vocabulary and the problem.
#pragma once

#include "attention/args.h"
#include "attention/cost/cost.h"
#include "attention/stage.h"
#include "attention/workspace.h"
#include "tile/tile.h"
