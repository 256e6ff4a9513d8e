// The record of an operation: its name, the unit of an SM that does it, and how much it does there.
//
// Every operation of a block begins with one. The counters add it up, checked mode names it in what
// it reports, and its unit and amounts are what a timeline needs.
#pragma once

#include <cstdint>
#include <string_view>

#include "tile/counters.h"

namespace tile {

enum class Unit : std::uint8_t {
  tensor_core,  // matrix products
  exponential,  // exponentials and logarithms
  fp32,         // everything else that is done to elements
  copy,         // loads, stores and TMA
  barrier,
};

// Where in HBM: rows from (row, col) on of the view whose elements begin at `view`.
struct HbmPlace {
  const void* view = nullptr;
  std::int64_t row = 0, col = 0;
  int rows = 0;
};

struct Op {
  std::string_view name;
  Unit unit;
  std::int64_t elements = 0;  // of tiles, that the unit goes over; of a product, that it rescales
  std::int64_t flops = 0;     // of products and rotations
  std::int64_t exponentials = 0;
  std::int64_t bytes = 0;   // between HBM and the chip
  TensorId tensor = {};     // whose bytes
  bool writes_hbm = false;  // in which direction
  HbmPlace place = {};      // and where they lie
};

}  // namespace tile
