// What common/bench/gpu_peers.py measured on an H100: PyTorch's attention and its backends.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace flash {

nlohmann::json gpu_peers();

// The row that has all these fields; null if it was not measured.
nlohmann::json row_of(const nlohmann::json& results, const nlohmann::json& fields);

// With what, on which GPU, when.
std::string how_measured(const nlohmann::json& results);

}  // namespace flash
