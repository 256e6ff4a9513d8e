#include "bench/cached_inputs.h"

#include "check/generator.h"
#include "tile/cpu/parallel.h"

namespace flash {
namespace {

void round_to(DType cache, const Problem& p, Buffer& buffer) {
  if (cache == p.dtype) return;
  const std::int64_t tokens = p.total_k(), row = p.kv_heads * p.head_dim;
  tile::with_type(cache, [&](auto type) {
    using T = decltype(type);
    tile::cpu::parallel_for(tokens, 10.0 * static_cast<double>(k_elements(p)), [&](std::int64_t t) {
      for (std::int64_t i = t * row; i < (t + 1) * row; ++i)
        set_element(buffer, p.dtype, i,
                    tile::to_float(tile::from_float<T>(element(buffer, p.dtype, i))));
    });
  });
}

}  // namespace

void round_for_cache(const Problem& problem, DType cache, Inputs& inputs) {
  round_to(cache, problem, inputs.k);
  round_to(cache, problem, inputs.v);
}

Inputs generate_for_cache(const Problem& problem, DType cache, std::uint64_t seed) {
  Inputs inputs = generate(problem, seed);
  round_for_cache(problem, cache, inputs);
  return inputs;
}

}  // namespace flash
