#include "diagnosis/diagnosis.h"

#include <gtest/gtest.h>

#include "check/generator.h"
#include "check/reference.h"
#include "diagnosis/mistakes.h"

namespace flash {
namespace {

Outputs rounded(const Problem& p, const RowResults<double>& exact) {
  Outputs outputs{Buffer(q_elements(p) * size_in_bytes(p.dtype)),
                  std::vector<float>(lse_elements(p))};
  for_each_row(all_rows(p), [&](std::int64_t index, std::int64_t batch, std::int64_t query) {
    for (std::int64_t h = 0; h < p.heads; ++h) {
      const std::int64_t row = index * p.heads + h;
      outputs.lse[p.row_offset(batch, h) + query] = static_cast<float>(exact.lse[row]);
      for (std::int64_t c = 0; c < p.head_dim; ++c)
        set_element(outputs.o, p.dtype, q_offset(p, batch, query, h) + c,
                    static_cast<float>(exact.o[row * p.head_dim + c]));
    }
  });
  return outputs;
}

TEST(Diagnosis, FindsNothingInARightOutput) {
  const Problem problem{.heads = 4, .kv_heads = 2, .seqlen_q = 50, .seqlen_k = 90, .head_dim = 16};
  const Inputs inputs = generate(problem, 0);
  const Outputs right = rounded(problem, reference_forward(problem, inputs, all_rows(problem)));
  EXPECT_EQ(diagnose(problem, inputs, right, Compared::o), "");
  EXPECT_EQ(diagnose(problem, inputs, right, Compared::lse), "");
}

TEST(Diagnosis, NamesNoMistakeForNoise) {
  const Problem problem{.heads = 4, .kv_heads = 2, .seqlen_q = 50, .seqlen_k = 90, .head_dim = 16};
  const Inputs inputs = generate(problem, 0);
  Outputs outputs = rounded(problem, reference_forward(problem, inputs, all_rows(problem)));
  for (std::int64_t i = 0; i < q_elements(problem); ++i)
    set_element(outputs.o, problem.dtype, i,
                element(outputs.o, problem.dtype, i) + 0.1f * static_cast<float>(i % 7 - 3));
  EXPECT_EQ(diagnose(problem, inputs, outputs, Compared::o), "");
}

// Two entries that give the same result would make one of the names wrong.
TEST(Diagnosis, TellsTheMistakesApart) {
  for (const bool causal : {false, true}) {
    const Problem problem{.heads = 4,
                          .kv_heads = 2,
                          .seqlen_q = 24,
                          .seqlen_k = 205,
                          .head_dim = 8,
                          .causal = causal};
    const Inputs inputs = generate(problem, 0);
    const Outputs right = rounded(problem, reference_forward(problem, inputs, all_rows(problem)));
    for (const Mistake& mistake : mistakes()) {
      const Outputs wrong =
          rounded(problem, forward_with_mistake(problem, inputs, all_rows(problem), mistake, 64));
      const bool same_o = wrong.o == right.o;
      if (same_o && wrong.lse == right.lse) continue;  // about a mask that the problem has not
      const std::string name =
          diagnose(problem, inputs, wrong, same_o ? Compared::lse : Compared::o);
      EXPECT_EQ(name.substr(0, mistake.name.size()), mistake.name) << "causal " << causal;
    }
  }
}

}  // namespace
}  // namespace flash
