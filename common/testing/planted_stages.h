// For tests: stages that need no kernel, right and wrong, and `ladder` run on them in memory.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "cli/cli.h"

namespace flash {

const Stage& right_stage();           // 2000 bytes of Q read, 3000 of O written, 50 FLOPs
const Stage& mean_of_v_stage();       // wrong outputs
const Stage& copied_stage();          // the output of the first problem, again and again
const Stage& missing_mask_stage();    // right outputs, unless the problem is causal
const Stage& wrong_formula_stage();   // right outputs, counters that differ from its formula
const Stage& misused_memory_stage();  // throws TileError
const Stage& unsteady_stage();        // right outputs, but their last bits change from run to run
const Stage& gigantic_stage();        // needs a workspace of 2^60 bytes

struct CliResult {
  int status;
  std::string out, err;
};

// With peaks of 100 GFLOP/s and 10 GB/s.
CliResult run_on(const std::vector<Stage>& stages, const Arguments& arguments,
                 Terminal terminal = {}, bool progress = false);

}  // namespace flash
