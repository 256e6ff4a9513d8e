// Small problems on which wrong kernels go wrong: what is checked before anything is measured.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "attention/problem.h"

namespace flash {

struct EdgeCase {
  Problem problem;
  std::uint64_t seed;  // of generate(): which scores are extreme, see generator.h
};

// In fp32, but for two, so that a mistake in one key of one row shows, whatever it weighs.
std::vector<EdgeCase> edge_cases(std::int64_t head_dim);

// What there is among them.
inline constexpr std::string_view edge_cases_in_words =
    "causal, ragged, GQA, packed, more queries than keys, no keys";

}  // namespace flash
