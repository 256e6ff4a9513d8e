#include "diagnosis/mistakes.h"

#include <algorithm>

namespace flash {

std::int64_t RowContext::seen_by_tile() const {
  const Sequence s = sequence();
  if (!problem().causal) return s.k_length;
  const std::int64_t rows = setting.plan.tiles.query_rows;
  const std::int64_t last_query = setting.packs_heads
                                      ? (packed_row() / rows * rows + rows - 1) / group()
                                      : id.query / rows * rows + rows - 1;
  return std::clamp<std::int64_t>(last_query + diagonal() + 1, 0, s.k_length);
}

std::int64_t RowContext::end_of_tiles() const {
  return std::min(sequence().k_length, tile::ceil_div(seen_by_tile(), tile) * tile);
}

std::int64_t RowContext::seen_by_all() const {
  const Sequence s = sequence();
  if (!problem().causal) return s.k_length;
  const std::int64_t rows = setting.plan.tiles.query_rows;
  const std::int64_t first_query =
      setting.packs_heads ? packed_row() / rows * rows / group() : id.query / rows * rows;
  return std::clamp<std::int64_t>(first_query + diagonal() + 1, 0, s.k_length);
}

std::int64_t RowContext::end_of_loop() const {
  return sweep == Sweep::row    ? visible().end
         : sweep == Sweep::tile ? seen_by_tile()
                                : sequence().k_length;
}

std::vector<const Mistake*> mistakes() {
  std::vector<const Mistake*> all;
  for (const auto subject : {mistakes_of_operands, mistakes_of_masks, mistakes_of_heads,
                             mistakes_of_softmax, mistakes_of_sums, mistakes_of_splits,
                             mistakes_of_fp8, mistakes_of_dropout, mistakes_of_lse})
    for (const Mistake& mistake : subject()) all.push_back(&mistake);
  return all;
}

RowSum<double> softmax(RowSlice<double> scores) {
  const double row_max = scores.maxCoeff();
  scores = (scores.array() - row_max).exp();
  const double row_sum = scores.sum();
  return {row_sum, row_max + std::log(row_sum)};
}

RowResults<double> forward_with_mistake(const Setting& setting, const Inputs& inputs,
                                        const Rows& rows, const Mistake& mistake, std::int64_t tile,
                                        Sweep sweep) {
  const Problem& problem = setting.problem;
  const auto context = [&](const RowId& row) { return RowContext{setting, row, tile, sweep}; };
  const Operands right = operands(problem, inputs);
  Operands in{inputs.q,    inputs.*mistake.k, inputs.*mistake.v,
              right.scale, right.kv_head,     right.visible};
  if (mistake.scale) in.scale = mistake.scale(setting);
  if (mistake.kv_head)
    in.kv_head = [&](std::int64_t head) { return mistake.kv_head(problem, head); };
  if (mistake.kv_batch) in.kv_batch = mistake.kv_batch;
  if (mistake.visible) in.visible = [&](const RowId& row) { return mistake.visible(context(row)); };
  if (mistake.q_row) in.q_row = [&](const RowId& row) { return mistake.q_row(context(row)); };
  if (mistake.k_row) in.k_row = [&](std::int64_t key) { return mistake.k_row(key, tile); };
  if (mistake.v_row) in.v_row = [&](std::int64_t key) { return mistake.v_row(key, tile); };
  in.drop = right.drop;
  if (mistake.drop)
    in.drop = [&](const RowId& row, std::int64_t key) { return mistake.drop(context(row), key); };
  if (mistake.score_columns) in.score_columns = mistake.score_columns(setting);
  return attend_rows<double>(problem, in, rows, [&](RowSlice<double> scores, const RowId& row) {
    return mistake.weigh ? mistake.weigh(scores, context(row)) : softmax(scores);
  });
}

}  // namespace flash
