#include <algorithm>
#include <array>
#include <cmath>

#include "attention/cost/cost.h"
#include "attention/tensor.h"
#include "report/text.h"
#include "worked/chapters.h"

namespace flash {
namespace {

constexpr int tokens = 3, columns = 4;
using Rows = std::array<std::array<double, columns>, tokens>;

constexpr Rows Q = {{{2, 0, 2, 0}, {0, 2, 0, 2}, {0, 0, 0, 0}}};
constexpr Rows K = {{{1, 1, 2, 0}, {0, 2, 0, 2}, {1, 0, 1, 2}}};
constexpr Rows V = {{{8, 0, 0, 4}, {0, 8, 0, 4}, {0, 0, 8, 4}}};

std::string row_text(const std::array<double, columns>& row) {
  return text_of("%.0f, %.0f, %.0f, %.0f", row[0], row[1], row[2], row[3]);
}

// The ladder's problem, in bf16 as the GPU's rates are.
constexpr Problem problem(DType dtype) {
  return {.heads = 4, .kv_heads = 4, .seqlen_q = 4096, .seqlen_k = 4096, .dtype = dtype};
}

double megabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

}  // namespace

std::string three_tokens() {
  std::string result = "| token | q | k | v |\n|--:|---|---|---|\n";
  for (int i = 0; i < tokens; ++i)
    result += text_of("| %d | %s | %s | %s |\n", i, row_text(Q[i]).c_str(), row_text(K[i]).c_str(),
                      row_text(V[i]).c_str());
  result += "\n| query | S | m | P, undivided | l | O | LSE |\n|--:|---|--:|---|--:|---|--:|\n";
  for (int i = 0; i < tokens; ++i) {
    std::array<double, tokens> S{}, P{};
    std::array<double, columns> O{};
    for (int j = 0; j < tokens; ++j) {
      for (int c = 0; c < columns; ++c) S[j] += Q[i][c] * K[j][c];
      S[j] /= std::sqrt(columns);
    }
    const double m = std::ranges::max(S);
    double l = 0;
    for (int j = 0; j < tokens; ++j) l += P[j] = std::exp(S[j] - m);
    for (int j = 0; j < tokens; ++j)
      for (int c = 0; c < columns; ++c) O[c] += P[j] * V[j][c] / l;
    result += text_of("| %d | %.0f, %.0f, %.0f | %.0f | %.4f, %.4f, %.4f | %.4f ", i, S[0], S[1],
                      S[2], m, P[0], P[1], P[2], l);
    result +=
        text_of("| %.3f, %.3f, %.3f, %.3f | %.4f |\n", O[0], O[1], O[2], O[3], m + std::log(l));
  }
  return result;
}

std::string score_sizes() {
  constexpr std::int64_t mib = 1 << 20;
  std::string result =
      "| N | Q, K, V and O of a head | S of a head | S of 32 heads |\n|--:|--:|--:|--:|\n";
  for (const std::int64_t k : {2, 8, 32, 128}) {
    const std::int64_t N = k * 1024, scores = N * N * 2;
    const auto size = [](std::int64_t bytes) {
      return bytes < 1024 * mib
                 ? text_of("%lld&nbsp;MiB", static_cast<long long>(bytes / mib))
                 : text_of("%lld&nbsp;GiB", static_cast<long long>(bytes / 1024 / mib));
    };
    result +=
        text_of("| %lldk | %s | %s | %s |\n", static_cast<long long>(k),
                size(4 * N * 128 * 2).c_str(), size(scores).c_str(), size(32 * scores).c_str());
  }
  return result;
}

std::string naive_beside_v2() {
  const Problem p = problem(DType::f32);
  const Plan plan = plan_of(p.shape());
  const tile::Counters naive = naive_cost(p, plan), v2 = v2_cost(p, plan);
  std::string result = "| MB, f32 | 00_naive | 03_v2 |\n|---|--:|--:|\n";
  const auto add = [&](const char* name, std::initializer_list<tile::TensorId> tensors) {
    std::int64_t a = 0, b = 0;
    for (const tile::TensorId tensor : tensors) {
      a += naive.hbm_read[tensor] + naive.hbm_write[tensor];
      b += v2.hbm_read[tensor] + v2.hbm_write[tensor];
    }
    result += text_of("| %s | %.1f | %.1f |\n", name, megabytes(a), megabytes(b));
  };
  add("S and P, written and read", {Tensor::S, Tensor::P});
  add("m and l", {Tensor::m, Tensor::l});
  add("Q", {Tensor::Q});
  add("K and V, once for each of 32 query tiles", {Tensor::K, Tensor::V});
  add("O and LSE", {Tensor::O, Tensor::LSE});
  add("**sum**", {Tensor::S, Tensor::P, Tensor::m, Tensor::l, Tensor::Q, Tensor::K, Tensor::V,
                  Tensor::O, Tensor::LSE});
  return result;
}

std::string intensities() {
  constexpr double balance = 989e12 / 3.35e12;
  std::string result =
      "| bf16 | bytes into and out of blocks | useful FLOPs a byte | share of 295 |\n"
      "|---|--:|--:|--:|\n";
  const Problem p = problem(DType::bf16);
  const Plan plan = plan_of(p.shape());
  const auto add = [&](const char* name, const tile::Counters& cost) {
    const std::int64_t bytes = cost.hbm_bytes();
    const double intensity = nominal_flops(p) / static_cast<double>(bytes);
    result += text_of("| %s | %.0f MB | %.1f | %.0f%% |\n", name, megabytes(bytes), intensity,
                      100 * intensity / balance);
  };
  add("00_naive", naive_cost(p, plan));
  add("01_v1_tiling", tiling_cost(p, plan));
  add("02_online_softmax", online_softmax_cost(p, plan));
  add("03_v2", v2_cost(p, plan));
  return result;
}

}  // namespace flash
