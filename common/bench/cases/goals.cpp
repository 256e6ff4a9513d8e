// The groups of cases that the project has goals for.
#include "bench/cases/case.h"
#include "tile/cpu/simd/dot.h"

namespace flash {
namespace {

constexpr bool has_dot = tile::cpu::has_bf16_dot<tile::bf16>;

Problem prefill(DType dtype, std::int64_t d, std::int64_t n, bool causal = false) {
  return {.seqlen_q = n, .seqlen_k = n, .head_dim = d, .dtype = dtype, .causal = causal};
}

std::string with_d(const std::string& name, std::int64_t d) {
  return name + " d=" + std::to_string(d);
}

Group f32() {
  Group group{"f32", "Stage 03 in f32, 4 heads.", {}};
  const auto add = [&](bool causal, std::int64_t d, std::int64_t n, Goal goal) {
    group.cases.push_back(
        {.name = with_d(causal ? "causal" : "full", d) + " N=" + std::to_string(n),
         .stage = "03",
         .problem = prefill(DType::f32, d, n, causal),
         .against = Against::fma_peak,
         .goal = goal});
  };
  add(false, 128, 4096, {0.92, 0.85});
  add(false, 64, 4096, {0.88, 0.80});
  add(true, 128, 4096, {0.85, 0.76});
  add(true, 64, 4096, {0.85, 0.72});
  for (const bool causal : {false, true})
    for (const std::int64_t d : {128, 64}) add(causal, d, 1024, {0.75, 0.65});
  return group;
}

// Where no instruction multiplies bf16 numbers, they should be as fast as f32.
Group bf16() {
  Group group{"bf16", "Stage 03 in bf16, 4 heads, N = 4096, no mask.", {}};
  for (const std::int64_t d : {128, 64}) {
    if (!has_dot)
      group.cases.push_back({.name = with_d("f32", d),
                             .stage = "03",
                             .problem = prefill(DType::f32, d, 4096),
                             .against = Against::fma_peak});
    group.cases.push_back({.name = with_d("bf16", d),
                           .stage = "03",
                           .problem = prefill(DType::bf16, d, 4096),
                           .against = has_dot ? Against::bf16_peak : Against::other,
                           .other = with_d("f32", d),
                           .goal = {d == 128 ? 0.82 : 0.74, 0.95}});
  }
  return group;
}

// A stage beside the one before it.
Group step(Group group, DType dtype, const std::string& before, const std::string& after,
           Goal goal) {
  for (const std::int64_t d : {128, 64}) {
    group.cases.push_back(
        {.name = with_d(before, d), .stage = before, .problem = prefill(dtype, d, 4096)});
    group.cases.back().against = usual_ceiling(group.cases.back());
    group.cases.push_back({.name = with_d(after, d),
                           .stage = after,
                           .problem = prefill(dtype, d, 4096),
                           .against = Against::other,
                           .other = with_d(before, d),
                           .goal = goal});
  }
  return group;
}

Group head_dims() {
  Group group{"head_dim", "Stage 03 in f32, 4 heads, N = 2048, no mask.", {}};
  for (const std::int64_t d : {80, 96, 160, 192, 256, 40, 59, 111})
    group.cases.push_back({.name = with_d("full", d),
                           .stage = "03",
                           .problem = prefill(DType::f32, d, 2048),
                           .against = Against::fma_peak,
                           .goal = {0.80, 0.70}});
  return group;
}

Group sizes() {
  Group group{"sizes", "Stage 03 in f32, d = 64, no mask: no size should be a cliff.", {}};
  const auto add = [&](std::int64_t batch, std::int64_t heads, std::int64_t n) {
    Problem p = prefill(DType::f32, 64, n);
    p.batch = batch;
    p.heads = p.kv_heads = heads;
    group.cases.push_back({.name = std::to_string(batch) + " x " + std::to_string(heads) +
                                   (heads == 1 ? " head, N=" : " heads, N=") + std::to_string(n),
                           .stage = "03",
                           .problem = p,
                           .against = Against::best,
                           .goal = {0.6, 0.6}});
  };
  for (const std::int64_t n : {256, 512, 1024, 2048, 4096}) add(1, 4, n);
  for (const std::int64_t n : {256, 1024, 4096}) add(1, 1, n);
  for (const std::int64_t batch : {1, 2, 4}) add(batch, 16, 512);
  return group;
}

Problem decode_step(DType dtype, std::int64_t kv_heads) {
  return {.heads = 16,
          .kv_heads = kv_heads,
          .seqlen_q = 1,
          .seqlen_k = 1 << 16,
          .head_dim = 128,
          .dtype = dtype};
}

// A cache in FP8 is read by queries in bf16.
Case decode(DType cache, std::int64_t kv_heads, std::int64_t page_size, Goal goal) {
  return {.name = std::string(tile::name(cache)) +
                  (page_size > 0 ? ", pages of " + std::to_string(page_size) : ""),
          .stage = "06",
          .problem = decode_step(cache == DType::e4m3 ? DType::bf16 : cache, kv_heads),
          .cache = CacheKind{cache, page_size},
          .against = Against::read_bandwidth,
          .goal = goal};
}

Group decoding(const std::string& name, std::int64_t kv_heads) {
  Group group{name,
              "Stage 06, a query on 65536 keys, d = 128, 16 heads on " + std::to_string(kv_heads) +
                  " of the cache.",
              {}};
  for (const DType cache : {DType::f32, DType::bf16})
    group.cases.push_back(decode(cache, kv_heads, 0, {0.88, 0.75}));
  group.cases.push_back(decode(DType::f16, kv_heads, 0, {0.75, 0.6}));
  group.cases.push_back(decode(DType::e4m3, kv_heads, 0, {1.5, 1.2}));
  group.cases.back().against = Against::other;
  group.cases.back().other = "bf16";
  return group;
}

Group pages() {
  Group group{"pages", "As decode_gqa, from pages of 16 keys in random order.", {}};
  for (const DType cache : {DType::f32, DType::bf16, DType::f16})
    group.cases.push_back(decode(cache, 2, 16, {0.80, 0.70}));
  return group;
}

Case backward_case(const std::string& name, std::int64_t d, Goal goal) {
  return {.name = with_d(name, d),
          .stage = "03",
          .problem = prefill(DType::f32, d, 4096),
          .against = Against::fma_peak,
          .goal = goal,
          .backward = true};
}

Group backward() {
  Group group{"backward",
              "Backward pass of stage 03 in f32, N = 4096, 4 heads and no mask if not said.",
              {}};
  for (const std::int64_t d : {128, 64}) {
    const Goal goal = d == 128 ? Goal{0.80, 0.72} : Goal{0.75, 0.66};
    const auto beside_full = [&](const std::string& name, Goal of_full) {
      Case c = backward_case(name, d, of_full);
      c.against = Against::other;
      c.other = with_d("full", d);
      return c;
    };
    Case one_head = backward_case("1 head", d, {0.75, goal.avx2});
    one_head.problem.heads = one_head.problem.kv_heads = 1;
    Case causal = beside_full("causal", {0.85, 0.85});
    causal.problem.causal = true;
    Case in_turns = beside_full("deterministic", {});
    in_turns.problem.deterministic = true;
    Case causal_in_turns = beside_full("causal determ.", {});
    causal_in_turns.problem.causal = causal_in_turns.problem.deterministic = true;
    causal_in_turns.other = causal.name;
    Case narrow = beside_full("bf16", {});
    narrow.problem.dtype = DType::bf16;
    group.cases.push_back(backward_case("full", d, goal));
    for (const Case& c : {one_head, causal, in_turns, causal_in_turns, narrow})
      group.cases.push_back(c);
  }
  return group;
}

}  // namespace

double nominal_flops(const Case& c) {
  return nominal_flops(c.problem) * (c.backward ? 2.5 : 1);
}

Against usual_ceiling(const Case& c) {
  if (c.cache) return Against::read_bandwidth;
  return c.problem.dtype == DType::bf16 && has_dot ? Against::bf16_peak : Against::fma_peak;
}

std::vector<Group> goal_groups(int threads) {
  std::vector<Group> groups = {
      f32(),
      bf16(),
      step({"roles", "Stage 04 against 03 in f32, 4 heads, N = 4096, no mask.", {}}, DType::f32,
           "03", "04", {0.98, 0.98}),
      step({"fp8", "Stage 05 against 04 in bf16, 4 heads, N = 4096, no mask.", {}}, DType::bf16,
           "04", "05", {0.9, 0.7}),
      head_dims(),
      sizes(),
      decoding("decode_gqa", 2),
      decoding("decode_mha", 16),
      pages(),
      backward()};
  for (Group& group : groups)
    for (Case& c : group.cases) c.threads = threads;
  return groups;
}

}  // namespace flash
