// The worked examples of the chapters.
#pragma once

#include <string>

namespace flash {

std::string three_tiles();  // 02

std::string one_tile();  // 04
std::string ring_of_two();
std::string room_of_tiles();
std::string causal_order();

std::string fp8_bits();  // 05
std::string quantised_row();
std::string rotated_row();
std::string small_weights();
std::string units_of_v();

std::string three_splits();  // 06
std::string one_query_on_132_sms();
std::string splits_of_48_blocks();
std::string bytes_of_splits();
std::string bytes_of_a_token();

}  // namespace flash
