// Is a stage right on a problem?
#pragma once

#include <string>

#include "check/checker.h"
#include "diagnosis/diagnosis.h"
#include "stages/execute.h"

namespace flash {

struct Verdict {
  Outputs outputs;
  tile::Counters counters;
  CheckResult check;
  std::string misuse;       // of the machine, a TileError: there are no outputs then
  std::string steps;        // before it, a table
  int switches = 0;         // of the roles until then
  bool unwritten = false;   // stopped where a region of an exercise is to be written
  std::string differences;  // of the counters from the formula, a line each

  bool passed() const { return misuse.empty() && differences.empty() && check.passed; }
};

// Runs the stage once and compares its outputs with `expected`, its counters with the formula.
// Throws BadInput, as for a workspace that does not fit.
Verdict run_and_check(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                      const Inputs& inputs, const Expected& expected);

// If roles misuse the machine, the same misuse after the fewest switches between them, of ten
// schedules; else `verdict` as it is.
Verdict shortest(const Stage& stage, tile::cpu::Device& device, const Problem& problem,
                 const Inputs& inputs, Verdict verdict);

// What a diagnosis of its outputs has to know of a stage.
KernelTraits traits_of(const Stage& stage);

// The table of the last steps before a misuse, under a heading; empty if there is none.
std::string last_steps(const Verdict& verdict);

// All else that is wrong, in lines; empty if nothing is.
std::string describe(const Verdict& verdict);

}  // namespace flash
