// The options that state a problem and select stages, of `ladder run` and `ladder bench`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "attention/problem.h"
#include "cli/options.h"
#include "stages/stage.h"

namespace flash {

inline constexpr Option problem_options[] = {
    {"", "", "a generated problem (any of these asks for one):"},
    {"--batch", "N", "sequences (1)"},
    {"--heads", "N", "query heads (4)"},
    {"--kv-heads", "N", "heads of K and V, a divisor of --heads (as many)"},
    {"--seqlen-q", "N", "queries of a sequence (1024)"},
    {"--seqlen-k", "N", "keys of a sequence (as many as queries)"},
    {"--head-dim", "N", "1 to 256 (64)"},
    {"--dtype", "DTYPE", "f32 (default), bf16 or f16"},
    {"--causal", "", "query i sees keys up to i + seqlen_k - seqlen_q"},
    {"--seed", "N", "of the random numbers (0)"},
};

// True if an option other than --causal states a problem.
bool states_problem(const Options& options);

// The problem that the options state; where they say nothing, that of `otherwise`, whose keys and
// key heads follow the queries and the heads if they are as many. Throws BadInput.
Problem parse_problem(const Options& options, const Problem& otherwise);

// The value of an option, one of `known`.
DType parse_dtype(const Options& options, const std::string& name, std::span<const DType> known);

// Those of --stage, or all but the steps.
std::vector<Stage> selected_stages(const Options& options, const std::vector<Stage>& stages);

// Whether it is the backward pass that is asked for: with --backward, or by the name of a step.
bool asks_for_backward(const Options& options, const std::vector<Stage>& selected);

}  // namespace flash
