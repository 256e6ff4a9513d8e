// Examples on paper of the chapters on the backward pass.
#include <array>
#include <cmath>
#include <span>

#include "report/text.h"
#include "worked/chapters.h"
#include "worked/gradients.h"

namespace flash {
namespace {

std::string row_text(const std::array<double, 2>& row) {
  return text_of("%.4g, %.4g", row[0], row[1]);
}

struct SlipRow {
  const char* patch;  // below common/workshop/mistakes, or null
  const char* words;
  Slip slip;
  bool causal = false;
};

std::string off_by(const Square& right, const Square& wrong) {
  const double most = difference(right, wrong);
  return most < 1e-12 ? " |" : text_of(" %.3f |", most);
}

std::string wrong_gradients(std::span<const SlipRow> rows) {
  std::string result = "| mistake | dV off by | dQ | dK |\n|---|--:|--:|--:|\n";
  for (const SlipRow& row : rows) {
    SmallProblem p = small_problem();
    p.causal = row.causal;
    const SmallGradients right = small_gradients(p), wrong = small_gradients(p, row.slip);
    result += row.patch
                  ? text_of("| [%s](../common/workshop/mistakes/%s.patch) |", row.words, row.patch)
                  : text_of("| %s |", row.words);
    result += off_by(right.dV, wrong.dV) + off_by(right.dQ, wrong.dQ) + off_by(right.dK, wrong.dK);
    result += "\n";
  }
  return result;
}

std::string gradients_text(const SmallProblem& p, const SmallGradients& g) {
  std::string result = "| row | dV | dQ | dK |\n|--:|---|---|---|\n";
  for (int i = 0; i < 2; ++i)
    result += text_of("| %d | %s | %s | %s |\n", i, row_text(g.dV[i]).c_str(),
                      row_text(g.dQ[i]).c_str(), row_text(g.dK[i]).c_str());
  return result + text_of("\nDifference quotients of all twelve: the same, up to %.0e.\n",
                          std::pow(10, std::ceil(std::log10(off_by_quotients(p, g)))));
}

}  // namespace

std::string small_softmax() {
  const SmallGradients g = small_gradients(small_problem());
  std::string result = "| query | S | P | O | dP | D | dS |\n|--:|---|---|---|---|--:|---|\n";
  for (int i = 0; i < 2; ++i)
    result += text_of("| %d | %s | %s | %s | %s | %.4g | %s |\n", i, row_text(g.S[i]).c_str(),
                      row_text(g.P[i]).c_str(), row_text(g.O[i]).c_str(), row_text(g.dP[i]).c_str(),
                      g.D[i], row_text(g.dS[i]).c_str());
  return result;
}

std::string small_gradients_by_hand() {
  const SmallProblem p = small_problem();
  return gradients_text(p, small_gradients(p));
}

// Half of the weights of query 0 are dropped, none of query 1.
std::string small_dropout() {
  SmallProblem p = small_problem();
  p.Z = {{{2, 0}, {2, 2}}};
  const SmallGradients g = small_gradients(p);
  std::string result =
      "| query | P | Z | O | dP | Σ P dP | dO · O | dS |\n|--:|---|---|---|---|--:|--:|---|\n";
  for (int i = 0; i < 2; ++i) {
    const double sum = g.P[i][0] * g.dP[i][0] + g.P[i][1] * g.dP[i][1];
    result += text_of("| %d | %s | %s | %s | %s | %.4g | %.4g | %s |\n", i,
                      row_text(g.P[i]).c_str(), row_text(p.Z[i]).c_str(), row_text(g.O[i]).c_str(),
                      row_text(g.dP[i]).c_str(), sum, g.D[i], row_text(g.dS[i]).c_str());
  }
  return result + "\n" + gradients_text(p, g);
}

std::string wrong_gradients_00() {
  constexpr std::array rows = {
      SlipRow{"00/backward_no_l", "P not divided by l, in dV", Slip::l_left_out},
      SlipRow{"00/backward_no_D", "D not subtracted", Slip::no_D},
      SlipRow{"00/backward_D_of_dP", "D is the sum of dP", Slip::D_of_dP},
      SlipRow{"00/backward_D_not_divided", "D is the sum of e^(S − m) dP", Slip::D_not_divided},
      SlipRow{"00/backward_no_scale", "dS not scaled", Slip::no_scale},
      SlipRow{"00/backward_dV_of_the_last_head", "dV and dK begin anew for each head of a group",
              Slip::last_query_head},
  };
  return wrong_gradients(rows);
}

std::string wrong_gradients_02() {
  constexpr std::array rows = {
      SlipRow{"02/backward_base_2", "P = 2^(S − LSE)", Slip::base_2},
      SlipRow{"02/backward_mask_forgotten", "the causal mask is not applied again",
              Slip::mask_forgotten, true},
      SlipRow{"02/backward_D_of_dO", "D is the sum of dO dO", Slip::D_of_dO},
      SlipRow{"02/backward_dQ_overwritten", "dQ overwritten, not added to", Slip::dQ_overwritten},
      SlipRow{nullptr, "dK multiplied by the scale again", Slip::scale_twice},
  };
  return wrong_gradients(rows);
}

std::string wrong_gradients_03() {
  constexpr std::array rows = {
      SlipRow{"03/backward_LSE_as_it_is", "LSE not divided by the scale: P = e^(S − τ LSE)",
              Slip::LSE_as_it_is},
      SlipRow{"03/backward_D_of_O", "D is the sum of O O", Slip::D_of_O},
      SlipRow{"03/backward_scale_after_dQ", "dS scaled after dQ is made of it",
              Slip::scale_not_in_dQ},
      SlipRow{"03/backward_scale_twice", "dK multiplied by the scale again", Slip::scale_twice},
      SlipRow{"03/backward_dQ_stored", "dQ stored, not added", Slip::dQ_overwritten},
      SlipRow{"03/backward_group_forgotten", "only the first head of a group counts",
              Slip::first_query_head},
  };
  return wrong_gradients(rows);
}

// A sum of three tiles' parts of one element of dQ, in fp32.
std::string order_of_sums() {
  constexpr float parts[] = {1.0F, 4e-8F, 4e-8F};
  std::string result = "| tiles in the order | dQ |\n|---|--:|\n";
  for (const auto& order : {std::array{0, 1, 2}, {1, 0, 2}, {1, 2, 0}}) {
    float sum = 0;
    for (const int tile : order) sum += parts[tile];
    result +=
        text_of("| %d, %d, %d | %.9f |\n", order[0], order[1], order[2], static_cast<double>(sum));
  }
  return result;
}

}  // namespace flash
