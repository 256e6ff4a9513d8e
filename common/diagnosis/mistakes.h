// The mistakes that people make in attention kernels, each a change of the plain computation.
// Includes Eigen, so for .cpp files only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "check/row_blocks.h"

namespace flash {

// Each member is a step of the computation; null where the mistake leaves it as it should be.
// Tiled mistakes depend on a kernel's number of keys a tile, `tile`.
struct Mistake {
  std::string_view name;
  bool tiled = false;
  double (*scale)(double scale) = nullptr;
  std::int64_t (*kv_head)(const Problem&, std::int64_t head) = nullptr;
  KeyRange (*visible)(const Problem&, const Sequence&, std::int64_t query,
                      std::int64_t tile) = nullptr;
  RowSum<double> (*weigh)(RowSlice<double> scores, std::int64_t tile) = nullptr;
  Buffer Inputs::*k = &Inputs::k;
  Buffer Inputs::*v = &Inputs::v;
};

// Where two mistakes give the same result, the likelier one comes first.
std::span<const Mistake> mistakes();

// The rows as `mistake` computes them, in double.
RowResults<double> forward_with_mistake(const Problem& problem, const Inputs& inputs,
                                        const Rows& rows, const Mistake& mistake,
                                        std::int64_t tile);

}  // namespace flash
