// What the roles of a block did, in the order in which each did it: what a timeline is made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tile/device.h"
#include "tile/dtype.h"
#include "tile/op.h"

namespace tile {

struct Event {
  enum class Kind : std::uint8_t {
    op,             // done when the next event begins
    product,        // issued, and in flight until a wait_products
    copy,           // issued; its bytes count at `barrier`
    arrive,         // at `barrier`, announcing `amount` bytes
    wait,           // for the latest phase of `barrier` whose parity is `amount`
    sync,           // arrives at a named barrier and waits for it
    commit,         // closes a group of products
    wait_products,  // until at most `amount` groups are in flight
    work,           // takes piece `amount` of a persistent kernel, -1: there is none left
  };

  Kind kind;
  std::int8_t role = 0;
  std::int16_t barrier = -1;  // an index into BlockRecord::barriers
  std::int64_t amount = 0;
  std::int16_t tile = -1;  // an index into BlockRecord::tiles: what is written, or else read first
  Op op = {};
};

struct BarrierRecord {
  std::string name;
  int arrivals;
};

struct BlockRecord {
  std::string kernel;
  GridIndex position{};
  DType dtype = DType::f32;  // of the elements in shared memory
  int head_dim = 0;          // of the problem
  std::int64_t shared_bytes = 0, register_bytes = 0;
  std::int64_t converted_bytes = 0;     // of the registers: what accumulators were converted to
  std::vector<std::string> roles = {};  // one without a name, if the kernel has none
  std::vector<std::string> tiles = {};
  std::vector<BarrierRecord> barriers = {};
  std::vector<Event> events = {};
};

}  // namespace tile
