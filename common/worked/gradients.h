// The backward pass of two queries and two keys, right and with the mistakes that people make.
#pragma once

#include <array>

namespace flash {

using Square = std::array<std::array<double, 2>, 2>;

// P is (1/4, 3/4) for query 0, and (1/2, 1/2) for query 1.
struct SmallProblem {
  Square Q, K, V, dO;
  double scale;
  bool causal = false;            // query 0 sees key 0 only
  Square Z = {{{1, 1}, {1, 1}}};  // dropout: 1 / (1 - p) where a weight is kept, 0 elsewhere
};
SmallProblem small_problem();

enum class Slip {
  none,
  l_left_out,        // dV is made of e^(S - m)
  D_not_divided,     // D is the sum of e^(S - m) dP
  no_D,              // dS = P dP
  D_of_dP,           // D is the sum of dP
  D_of_dO,           // D is the sum of dO dO
  D_of_O,            // D is the sum of O O
  no_scale,          // in dQ and dK
  scale_not_in_dQ,   // dS is scaled after dQ is made of it
  scale_twice,       // in dK
  base_2,            // P = 2^(S - LSE)
  LSE_as_it_is,      // P = e^(S - scale LSE)
  mask_forgotten,    // when P is computed again
  dQ_overwritten,    // a tile has one key, and the last tile's dQ stays
  first_query_head,  // the two queries are two heads of a group; dK and dV are of the first
  last_query_head,   // of the last
};

struct SmallGradients {
  std::array<double, 2> LSE, D;
  Square S, P, O, dP, dS, dQ, dK, dV;  // S with the scale, dS without it
};

SmallGradients small_gradients(const SmallProblem& problem, Slip slip = Slip::none);

// The largest difference of two elements.
double difference(const Square& a, const Square& b);

// What the difference quotients of the loss, the sum of dO O, are off from the gradients.
double off_by_quotients(const SmallProblem& problem, const SmallGradients& gradients);

}  // namespace flash
