// Which known mistake does a wrong output look like? And if none: what is wrong, and where?
#pragma once

#include <span>
#include <string>

#include "attention/plan.h"
#include "attention/tensors.h"
#include "check/checker.h"

namespace flash {

// What a mistake may depend on in the kernel that made it.
struct KernelTraits {
  Precision precision = {};
  Plan (*plan)(const Shape&) = plan_of;
};

// A problem that a kernel was run on.
struct Tried {
  Problem problem;
  Inputs inputs;
  Outputs outputs;
  CheckResult check;
};

struct Findings {
  std::string looks_like;  // a mistake's name, and how sure that is; empty if none fits
  std::string where;       // which elements are wrong
  std::string values;      // what they are instead, if that can be said in a few words
};

// A mistake is named if its result is that of the wrong outputs, no other known mistake's is (or
// both are named), and no problem speaks against it: those that fail are explained, those that pass
// would have passed. Where O is right it is a mistake in LSE. The places and values are those of
// the first output that is wrong. Recomputes a sample of the rows with each mistake: about a second
// at most.
Findings diagnose(std::span<const Tried> tried, const KernelTraits& kernel = {});

void set_findings(CheckResult& result, const Findings& findings);

// Fills in what a result that failed looks like.
void diagnose(const Problem& problem, const Inputs& inputs, const Outputs& outputs,
              CheckResult& result, const KernelTraits& kernel = {});

}  // namespace flash
