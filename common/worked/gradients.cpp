#include "worked/gradients.h"

#include <algorithm>
#include <cmath>

namespace flash {
namespace {

Square transposed(const Square& a) {
  return {{{a[0][0], a[1][0]}, {a[0][1], a[1][1]}}};
}

Square product(const Square& a, const Square& b, double factor = 1) {
  Square c{};
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) c[i][j] = factor * (a[i][0] * b[0][j] + a[i][1] * b[1][j]);
  return c;
}

Square each(const Square& a, const Square& b) {
  Square c{};
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) c[i][j] = a[i][j] * b[i][j];
  return c;
}

// S, P, O and LSE.
SmallGradients forward(const SmallProblem& p) {
  SmallGradients g{};
  g.S = product(p.Q, transposed(p.K), p.scale);
  for (int i = 0; i < 2; ++i) {
    const bool hidden = p.causal && i == 0;
    const double l = std::exp(g.S[i][0]) + (hidden ? 0 : std::exp(g.S[i][1]));
    g.LSE[i] = std::log(l);
    for (int j = 0; j < 2; ++j) g.P[i][j] = hidden && j == 1 ? 0 : std::exp(g.S[i][j]) / l;
  }
  g.O = product(each(g.P, p.Z), p.V);
  return g;
}

double loss(const SmallProblem& p) {
  const Square O = forward(p).O;
  double sum = 0;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) sum += p.dO[i][j] * O[i][j];
  return sum;
}

// P as a kernel computes it.
double weight(const SmallProblem& p, const SmallGradients& g, int i, int j, Slip slip) {
  const double S = g.S[i][j], LSE = g.LSE[i];
  if (p.causal && i == 0 && j == 1 && slip != Slip::mask_forgotten) return 0;
  if (slip == Slip::base_2) return std::exp2(S - LSE);
  if (slip == Slip::LSE_as_it_is) return std::exp(S - p.scale * LSE);
  return std::exp(S - LSE);
}

// The sum of e^(S - m) of a row, where m is the largest score that it sees.
double undivided_sum(const SmallProblem& p, const SmallGradients& g, int i) {
  const bool hidden = p.causal && i == 0;
  return std::exp(g.LSE[i] - (hidden ? g.S[i][0] : std::max(g.S[i][0], g.S[i][1])));
}

double row_sum(const SmallProblem& p, const SmallGradients& g, int i, Slip slip) {
  double D = 0;
  for (int j = 0; j < 2; ++j) {
    if (slip == Slip::no_D) continue;
    if (slip == Slip::D_of_dP)
      D += g.dP[i][j];
    else
      D += (slip == Slip::D_of_O ? g.O : p.dO)[i][j] * (slip == Slip::D_of_dO ? p.dO : g.O)[i][j];
  }
  return slip == Slip::D_not_divided ? D * undivided_sum(p, g, i) : D;
}

}  // namespace

SmallProblem small_problem() {
  return {.Q = {{{0, std::log(3.0)}, {2, 1}}},
          .K = {{{1, 0}, {0, 2}}},
          .V = {{{2, 0}, {6, 4}}},
          .dO = {{{1, 0}, {1, 1}}},
          .scale = 0.5};
}

SmallGradients small_gradients(const SmallProblem& p, Slip slip) {
  SmallGradients g = forward(p);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) g.P[i][j] = weight(p, g, i, j, slip);
  g.dP = each(product(p.dO, transposed(p.V)), p.Z);
  for (int i = 0; i < 2; ++i) {
    g.D[i] = row_sum(p, g, i, slip);
    for (int j = 0; j < 2; ++j) g.dS[i][j] = g.P[i][j] * (g.dP[i][j] - g.D[i]);
  }
  const double scale = slip == Slip::no_scale ? 1 : p.scale;
  const bool two_heads = slip == Slip::first_query_head || slip == Slip::last_query_head;
  Square to_keys = g.dS, to_values = each(g.P, p.Z), to_queries = g.dS;
  const int left_out = slip == Slip::first_query_head ? 1 : 0;
  for (int i = 0; i < 2; ++i) {
    if (two_heads && i == left_out) to_keys[i] = to_values[i] = {};
    if (slip == Slip::dQ_overwritten) to_queries[i][0] = 0;
    if (slip == Slip::l_left_out)
      for (double& weight : to_values[i]) weight *= undivided_sum(p, g, i);
  }
  g.dV = product(transposed(to_values), p.dO);
  g.dQ = product(to_queries, p.K, slip == Slip::scale_not_in_dQ ? 1 : scale);
  g.dK = product(transposed(to_keys), p.Q, slip == Slip::scale_twice ? scale * scale : scale);
  return g;
}

double difference(const Square& a, const Square& b) {
  double largest = 0;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) largest = std::max(largest, std::abs(a[i][j] - b[i][j]));
  return largest;
}

double off_by_quotients(const SmallProblem& problem, const SmallGradients& gradients) {
  constexpr double h = 1e-4;
  double largest = 0;
  const auto compare = [&](Square SmallProblem::*input, const Square& gradient) {
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) {
        SmallProblem more = problem, less = problem;
        (more.*input)[i][j] += h;
        (less.*input)[i][j] -= h;
        const double slope = (loss(more) - loss(less)) / (2 * h);
        largest = std::max(largest, std::abs(slope - gradient[i][j]));
      }
  };
  compare(&SmallProblem::Q, gradients.dQ);
  compare(&SmallProblem::K, gradients.dK);
  compare(&SmallProblem::V, gradients.dV);
  return largest;
}

}  // namespace flash
