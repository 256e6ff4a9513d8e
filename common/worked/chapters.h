// The worked examples of the chapters, and of the pages in docs/.
#pragma once

#include <string>

namespace flash {

// 00
std::string three_tokens();
std::string score_sizes();
std::string naive_beside_v2();
std::string intensities();

// 01
std::string two_sweeps();
std::string crossover();
std::string block_sizes();
std::string block_curve();
std::string key_tiles();

// 02
std::string three_tiles();
std::string two_mistakes();
std::string merged_states();
std::string rounded_accumulator();

// 03
std::string counted_tiles();
std::string causal_tiles();
std::string waves();
std::string slow_flops();
std::string padded_heads();
std::string query_tiles();

// docs/math.md
std::string traffic_by_head_dim();
std::string theorem_block_sizes();
std::string traffic_of_algorithm_1();
std::string merged_tiles();
std::string small_backward();
std::string cost_of_splits();
std::string outlier_rotated();

// docs/errata.md
std::string wrong_recurrences();
std::string published_shares();
std::string published_speedups();
std::string published_decoding();

}  // namespace flash
