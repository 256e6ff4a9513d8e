// Inputs that tell right from wrong, and random problems.
#pragma once

#include <cstdint>

#include "attention/problem.h"
#include "attention/tensors.h"
#include "check/checker.h"

namespace flash {

// The same bits for the same problem and seed on every machine.
//
// K is normal with standard deviation 1. A row of Q is a = 2.5 / (scale sqrt(d)) times
// sin(t) noise + cos(t) K[peak], where the peak is one of the last 8 keys that the row sees. Noise
// and K[peak] have variance 1, and so has the mixture; a scaled score q.k scale is then a sum of d
// products of variance (a scale)^2: standard deviation 2.5 for every head_dim. The peak's own score
// is 2.5 cos(t) sqrt(d) on average; cos(t) = min(0.8, 4/sqrt(d)) makes that 10, four standard
// deviations, from head_dim 25 on.
//
// V is normal around 0.5 + 0.25 ((column + kv head) mod 4), so that zeros, a mean and a wrong head
// all show.
//
// Scores past exp's fp32 range, +-88, depend on seed mod 8. In f32 with head_dim >= 2 a column of q
// and k carries a shift of the scores of key head 0:
//
//   2  all by +110
//   3  all by -110
//   4  all by -300: a running maximum that starts at -100 lies above them, as does a padding of 0
//   5  all by -20000, for one that starts at -10^4
//   7  those of hidden keys by +150, more than 104 above every visible one: a row maximum that they
//      get into leaves weights of 0. In a causal problem the later half of the keys is moved, which
//      the rows before do not see; otherwise every second sequence, which follows another's end.
//
// In 16 bits with head_dim >= 64 every 8th row of head 0 is, with 1 and 5, its peak key times a
// factor that brings the peak to about 130. The weights are almost one-hot, which no rounding of
// scores disturbs: at 110 half a unit in the last place of bf16 is 0.25, and with a shift the plain
// computation, hence the bound, would be useless. In fp32 it is 0.001 at 20000, and the bound of O
// 0.009. In FP8 the bound is past 1 for all shifts. +-110 can still show an overflow, the others
// nothing, so there it is seed mod 4 that counts. With 1 Q is 2^9 times smaller and K as much
// larger, which leaves the scores as they are and does not fit e4m3 without a scale, and every 64
// keys V has another magnitude.
Inputs generate(const Problem& problem, std::uint64_t seed, const Precision& precision = {});

// A gradient of O for the backward pass: normal, around 0.25 ((column + head) mod 3 - 1), so that a
// wrong head or column shows.
Buffer generate_gradient(const Problem& problem, std::uint64_t seed);

// A small problem of any shape: lengths 0 to 200, often around multiples of 64, head_dim 1 to 256,
// padded or packed, MHA, GQA or MQA, causal or not.
Problem random_problem(std::uint64_t seed, DType dtype);

}  // namespace flash
