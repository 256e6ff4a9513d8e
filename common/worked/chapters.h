// The worked examples of the chapters, and of the pages in docs/.
#pragma once

#include <string>

namespace flash {

std::string three_tiles();  // 02

// docs/math.md
std::string traffic_by_head_dim();
std::string block_sizes();
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
