// What the backward passes move, for their chapters and docs/backward.md.
#include <array>

#include "attention/cost/cost.h"
#include "attention/tensor.h"
#include "report/text.h"
#include "worked/chapters.h"

namespace flash {
namespace {

// The ladder's problem: 4 heads, d = 64, f32.
constexpr Problem ladder_problem() {
  return {.heads = 4, .kv_heads = 4, .seqlen_q = 4096, .seqlen_k = 4096};
}

double gigabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / 1e9;
}

double megabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

}  // namespace

// What each pass does and moves.
std::string forward_beside_backward() {
  using Cost = tile::Counters (*)(const Problem&, const Plan&);
  struct Row {
    const char* stage;
    Cost forward, backward;
  };
  constexpr std::array rows = {
      Row{"00_naive", naive_cost, naive_backward_cost},
      Row{"02_online_softmax", online_softmax_cost, online_softmax_backward_cost},
      Row{"03_v2", v2_cost, v2_backward_cost}};
  std::string result =
      "| | products, forward | backward | HBM, forward | backward | the same in bf16 | of it dQ "
      "in fp32 | workspace |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
  const Problem p = ladder_problem();
  Problem half = p;
  half.dtype = DType::bf16;
  const double product = 2. * 4 * 4096 * 4096 * 64;
  for (const Row& row : rows) {
    const tile::Counters forward = row.forward(p, plan_of(p.shape())),
                         backward = row.backward(p, backward_plan(p.shape())),
                         of_half = row.backward(half, backward_plan(half.shape()));
    const std::int64_t dQ = of_half.hbm_read[Tensor::dQ_acc] + of_half.hbm_write[Tensor::dQ_acc];
    result += text_of("| [%.2s](../%s/backward.md) | %.0f | %.0f ", row.stage, row.stage,
                      static_cast<double>(forward.flops) / product,
                      static_cast<double>(backward.flops) / product);
    result += text_of("| %.0f MB | %.0f MB | %.0f MB | %.0f MB | %.1f MB |\n",
                      megabytes(forward.hbm_bytes()), megabytes(backward.hbm_bytes()),
                      megabytes(of_half.hbm_bytes()), megabytes(dQ),
                      megabytes(backward.hbm_workspace.total()));
  }
  return result +
         "\n4 heads, N = 4096, d = 64, f32 unless it says bf16; a product is 2 N² d FLOPs a head. "
         "Workspace in f32.\n";
}

// Of 02 and 03, with other key tiles than the plan's.
std::string backward_key_tiles() {
  std::string result =
      "| keys a tile | T_c | 02 moves | 03 moves | of it dQ | blocks of 03 |\n"
      "|--:|--:|--:|--:|--:|--:|\n";
  const Problem p = ladder_problem();
  for (const int keys : {32, 64, 128, 256}) {
    Plan plan = backward_plan(p.shape());
    plan.tiles.key_rows = keys;
    const tile::Counters v1 = online_softmax_backward_cost(p, plan), v2 = v2_backward_cost(p, plan);
    const std::int64_t dQ = v2.hbm_read[Tensor::dQ_acc] + v2.hbm_write[Tensor::dQ_acc];
    const auto T_c = static_cast<int>(p.seqlen_k / keys);
    result += text_of("| %d | %d | %.0f MB | %.0f MB | %.0f MB | %d |\n", keys, T_c,
                      megabytes(v1.hbm_bytes()), megabytes(v2.hbm_bytes()), megabytes(dQ), 4 * T_c);
  }
  return result;
}

std::string backward_causal_tiles() {
  constexpr TileShape tiles = backward_tile_shape(64);
  constexpr int N = 4096, T_r = N / tiles.query_rows, T_c = N / tiles.key_rows;
  std::string result =
      "| key tile | its keys | `sees_all` | query tiles | of them masked |\n"
      "|--:|---|--:|--:|--:|\n";
  int visited = 0, masked = 0;
  for (int j = 0; j < T_c; ++j) {
    const int sees_one = j * tiles.key_rows, sees_all = sees_one + tiles.key_rows - 1;
    const int first_tile = sees_one / tiles.query_rows, queries = T_r - first_tile;
    int crossed = 0;
    for (int i = first_tile; i < T_r; ++i) crossed += i * tiles.query_rows < sees_all;
    visited += queries;
    masked += crossed;
    if (j < 2 || j == T_c - 1)
      result += text_of("| %d | %d–%d | %d | %d | %d |\n", j, sees_one, sees_all, sees_all, queries,
                        crossed);
  }
  return result + text_of("| all %d | | | %d of %d, %.1f%% | %d |\n", T_c, visited, T_r * T_c,
                          100. * visited / (T_r * T_c), masked);
}

// Blocks that have work, of the kernel that computes dK and dV.
std::string backward_blocks() {
  constexpr TileShape tiles = backward_tile_shape(64);
  std::string result =
      "| key heads × sequences | N | blocks of 02 | of 132 SMs | blocks of 03 | waves |\n"
      "|--:|--:|--:|--:|--:|--:|\n";
  for (const auto& [heads, N] : {std::array{1, 16896}, {4, 4096}, {16, 1024}, {64, 8192}}) {
    const int blocks = heads * N / tiles.key_rows;
    result += text_of("| %d | %d | %d | %.0f%% | %d | %.2f |\n", heads, N, heads,
                      100. * heads / 132, blocks, blocks / 132.);
  }
  return result;
}

// The shape of FlashAttention-1's figure 2.
std::string forward_and_backward() {
  const Problem p = {.batch = 64,
                     .heads = 16,
                     .kv_heads = 16,
                     .seqlen_q = 1024,
                     .seqlen_k = 1024,
                     .dtype = DType::f16};
  const Plan forward = plan_of(p.shape()), backward = backward_plan(p.shape());
  const auto row = [](const char* name, std::int64_t first, std::int64_t second) {
    return text_of("| %s | %.1f | %.1f | **%.1f** |\n", name, gigabytes(first), gigabytes(second),
                   gigabytes(first + second));
  };
  const auto scores = [](const tile::Counters& c) {
    std::int64_t bytes = 0;
    for (const tile::TensorId tensor : {Tensor::S, Tensor::P, Tensor::dP, Tensor::dS})
      bytes += c.hbm_read[tensor] + c.hbm_write[tensor];
    return bytes;
  };
  const tile::Counters first = naive_cost(p, forward), second = naive_backward_cost(p, backward);
  std::string result = "| GB | forward | backward | both |\n|---|--:|--:|--:|\n";
  result += row("00", first.hbm_bytes(), second.hbm_bytes());
  result += row("00, if S, P, dP and dS had 2 bytes", first.hbm_bytes() - scores(first) / 2,
                second.hbm_bytes() - scores(second) / 2);
  result += "| *standard, the paper: arXiv v2; NeurIPS* | | | *40.3; 35.3* |\n";
  for (const int keys : {0, 256}) {
    Plan of_first = forward, of_second = backward;
    if (keys > 0) of_first.tiles.key_rows = of_second.tiles.key_rows = keys;
    result += row(keys ? "02, 256 keys a tile" : "02, its own tiles",
                  online_softmax_cost(p, of_first).hbm_bytes(),
                  online_softmax_backward_cost(p, of_second).hbm_bytes());
  }
  result += row("03", v2_cost(p, forward).hbm_bytes(), v2_backward_cost(p, backward).hbm_bytes());
  result += "| *FlashAttention, the paper* | | | *4.4* |\n";
  const std::int64_t tensor = p.total_q() * p.heads * p.head_dim * 2;  // N d of all heads
  return result + row("each input and output once", 4 * tensor, 8 * tensor);
}

}  // namespace flash
