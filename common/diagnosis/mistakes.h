// The mistakes that people make in attention kernels, each a change of the plain computation.
// Includes Eigen, so for .cpp files only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "attention/plan.h"
#include "check/checker.h"
#include "check/plain.h"
#include "check/row_blocks.h"

namespace flash {

// A problem, and how the kernel that is diagnosed divides it.
struct Setting {
  Problem problem;
  Plan plan;
  bool packs_heads = false;  // the query heads of a group into a tile, as stage 06 does
  Precision precision = {};
  std::int64_t real_head_dim = 0;         // the problem's, before FP8 padded it
  const QuantisedProblem* fp8 = nullptr;  // what FP8 made of it
};

// How far a kernel goes over the keys: of a causal row those that it sees, those that the last row
// of its tile sees, or all.
enum class Sweep { row, tile, all };

// What a mistake may depend on: a row of O, a kernel's number of keys a tile, and its loop.
struct RowContext {
  const Setting& setting;
  RowId id;
  std::int64_t tile;
  Sweep sweep = Sweep::row;

  const Problem& problem() const { return setting.problem; }
  Sequence sequence() const { return problem().sequence(id.batch); }
  KeyRange visible() const { return visible_keys(problem(), sequence(), id.query); }
  std::int64_t group() const { return problem().heads / problem().kv_heads; }
  std::int64_t diagonal() const { return sequence().k_length - sequence().q_length; }
  std::int64_t packed_row() const { return id.query * group() + id.head % group(); }

  // Keys that the last row of the row's tile sees, which is as far as the kernel goes.
  std::int64_t seen_by_tile() const;
  std::int64_t end_of_tiles() const;  // of those keys, whole tiles
  std::int64_t seen_by_all() const;   // keys that its first row sees
  std::int64_t end_of_loop() const;   // of the sweep
  // Of the row's block in FP8; 1 without.
  double Q_scale() const {
    return setting.fp8 ? setting.fp8->q_scales.at(id.batch, id.head, id.query) : 1;
  }
  double V_scale(std::int64_t key) const {
    return setting.fp8 ? setting.fp8->v_scales.at(id.batch, id.head / group(), key) : 1;
  }
};

// Each member is a step of the computation; null where the mistake leaves it as it should be.
struct Mistake {
  std::string_view name;
  bool tiled = false;  // depends on the number of keys a tile
  bool swept = false;  // and on how many of them there are, of which a row may see none
  bool vague = false;  // NaN stands for any result
  bool (*applies)(const Setting&) = nullptr;
  double (*scale)(const Setting&) = nullptr;
  std::int64_t (*kv_head)(const Problem&, std::int64_t head) = nullptr;
  std::int64_t (*kv_batch)(std::int64_t batch) = nullptr;
  RowId (*q_row)(const RowContext&) = nullptr;
  std::int64_t (*k_row)(std::int64_t key, std::int64_t tile) = nullptr;
  std::int64_t (*v_row)(std::int64_t key, std::int64_t tile) = nullptr;
  KeyRange (*visible)(const RowContext&) = nullptr;
  RowSum<double> (*weigh)(RowSlice<double> scores, const RowContext&) = nullptr;
  float (*drop)(const RowContext&, std::int64_t key) = nullptr;
  std::int64_t (*score_columns)(const Setting&) = nullptr;
  Buffer Inputs::*k = &Inputs::k;
  Buffer Inputs::*v = &Inputs::v;
  std::optional<Fp8Mistake> fp8 = {};  // of stage 05's first kernel
};

// By subject. Where two mistakes give the same result, the likelier one comes first. A name may
// come twice: for kernels that differ in what else they do.
std::span<const Mistake> mistakes_of_operands();  // what is read: the scale, and which rows
std::span<const Mistake> mistakes_of_masks();
std::span<const Mistake> mistakes_of_heads();    // whose
std::span<const Mistake> mistakes_of_softmax();  // what is rescaled, and by what
std::span<const Mistake> mistakes_of_sums();     // what O is divided by
std::span<const Mistake> mistakes_of_splits();
std::span<const Mistake> mistakes_of_fp8();
std::span<const Mistake> mistakes_of_dropout();
std::span<const Mistake> mistakes_of_lse();  // O is right

// All of them.
std::vector<const Mistake*> mistakes();

// softmax of a row, in place.
RowSum<double> softmax(RowSlice<double> scores);

// The rows as `mistake` computes them, in double; `inputs` are those of the setting's problem.
RowResults<double> forward_with_mistake(const Setting& setting, const Inputs& inputs,
                                        const Rows& rows, const Mistake& mistake, std::int64_t tile,
                                        Sweep sweep = Sweep::row);

}  // namespace flash
