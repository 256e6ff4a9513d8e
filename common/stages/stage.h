// A stage, and the registry that `ladder`, the conformance suite and the docs read.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "attention/args.h"
#include "attention/cost.h"
#include "attention/fp8.h"
#include "attention/tiles.h"
#include "attention/workspace.h"
#include "tile/tile.h"

namespace flash {

// A stage compiled with other switches.
struct Variant {
  std::string_view name;
  void (*forward)(tile::Device&, AttentionArgs);
};

struct Stage {
  std::string_view name;                          // of the folder, "03_v2"
  std::string_view idea;                          // one line
  void (*forward)(tile::Device&, AttentionArgs);  // writes args.O and args.LSE
  tile::Counters (*cost)(const Problem&);         // exact; what the counters must equal
  std::optional<Fp8> fp8 = {};                    // none: computes in the problem's dtype
  std::vector<Variant> variants = {};
};

// All registered stages, by name.
const std::vector<Stage>& stages();

// The one whose name is `beginning`, or else the only one that begins so. Throws BadInput, listing
// the stages there are.
const Stage& find_stage(std::string_view beginning, const std::vector<Stage>& among = stages());

struct Registration {
  explicit Registration(const Stage& stage);
};

}  // namespace flash

// Registers a stage for running, testing and the docs: one line at the end of its attention.h. A
// test that includes the header for a kernel of its own compiles no other.
#ifdef ATTENTION_REGISTERS
#define ATTENTION_STAGE(...)                        \
  inline const ::flash::Registration registration { \
    ::flash::Stage {                                \
      __VA_ARGS__                                   \
    }                                               \
  }
#else
#define ATTENTION_STAGE(...) static_assert(true)
#endif
