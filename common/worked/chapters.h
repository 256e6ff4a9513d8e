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
std::string rounded_accumulator();

// 03
std::string counted_tiles();
std::string causal_tiles();
std::string waves();
std::string slow_flops();
std::string padded_heads();
std::string query_tiles();

// The backward passes of 00, 02 and 03
std::string small_softmax();
std::string small_gradients_by_hand();
std::string small_dropout();
std::string wrong_gradients_00();
std::string wrong_gradients_02();
std::string wrong_gradients_03();
std::string forward_beside_backward();
std::string backward_key_tiles();
std::string backward_causal_tiles();
std::string backward_blocks();
std::string forward_and_backward();
std::string order_of_sums();

// 04
std::string one_tile();
std::string ring_of_two();
std::string room_of_tiles();
std::string causal_order();
std::string room_of_gradients();

// 05
std::string fp8_bits();
std::string quantised_row();
std::string rotated_row();
std::string small_weights();
std::string units_of_v();

// 06
std::string three_splits();
std::string one_query_on_132_sms();
std::string splits_of_48_blocks();
std::string bytes_of_splits();
std::string bytes_of_a_token();

// docs/math.md
std::string traffic_of_algorithm_1();
std::string merged_tiles();
std::string cost_of_splits();
std::string outlier_rotated();

// docs/errata.md
std::string wrong_recurrences();
std::string published_shares();
std::string published_speedups();
std::string published_decoding();

}  // namespace flash
