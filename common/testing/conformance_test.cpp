// The shared suite. It is compiled once, and runs the stages that are linked with it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <sstream>

#include "bench/verdict.h"
#include "check/generator.h"
#include "io/attention_file.h"
#include "report/summary.h"
#include "stages/execute.h"
#include "testing/suite.h"

namespace flash {
namespace {

void expect_all_pass(const std::vector<ConformanceCase>& cases) {
  ASSERT_FALSE(stages().empty());
  for (const Stage& stage : stages()) {
    std::ostringstream page;
    if (examine(stage, cases, page) > 0) ADD_FAILURE() << page.str();
  }
}

bool has_at_most_300_rows(const ConformanceCase& test) {
  return std::max(test.problem.seqlen_q, test.problem.seqlen_k) <= 300;
}

TEST(ConformanceGrid, LengthsUpTo300) {
  std::vector<ConformanceCase> cases = grid_cases();
  std::erase_if(cases, std::not_fn(has_at_most_300_rows));
  expect_all_pass(cases);
}

TEST(ConformanceGrid, LengthsAbove300) {
  std::vector<ConformanceCase> cases = grid_cases();
  std::erase_if(cases, has_at_most_300_rows);
  expect_all_pass(cases);
}

// Catches an error that grows with the number of key tiles.
TEST(ConformanceGrid, LongSequences) {
  expect_all_pass(long_cases());
}

// Catches what no list of shapes foresees. The seed of a failure makes it again.
TEST(ConformanceRandom, AThousandProblems) {
  ASSERT_FALSE(stages().empty());
  constexpr DType dtypes[] = {DType::f32, DType::bf16, DType::f16};
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Problem problem = random_problem(seed, dtypes[seed % 3]);
    for (const Stage& stage : stages()) {
      const Inputs inputs = generate(problem, seed, stage.fp8);
      const Expected expected = expect(problem, inputs, stage.fp8);
      tile::cpu::Device device;
      const Verdict verdict = run_and_check(stage, device, problem, inputs, expected);
      ASSERT_TRUE(verdict.passed()) << stage.name << ", seed " << seed << ", "
                                    << problem_text(problem) << ": " << describe(verdict);
    }
  }
  RecordProperty("seeds", "0 to 999");
  std::printf("seeds 0 to 999\n");
}

// Catches a result that depends on which thread runs a block, or on checked mode.
TEST(ConformanceDeterminism, SameBitsForAnyThreadCount) {
  ASSERT_FALSE(stages().empty());
  Problem problem;
  problem.batch = 2;
  problem.seqlen_q = 333;
  problem.seqlen_k = 517;
  problem.kv_heads = 2;
  problem.causal = true;
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    problem.dtype = dtype;
    const Inputs inputs = generate(problem, 7);
    for (const Stage& stage : stages()) {
      tile::cpu::Device first_device;
      first_device.set_checked(true);
      const Outputs first = execute(stage, first_device, problem, inputs);
      for (const int threads : {1, 1, 2, 3, 7}) {
        tile::cpu::Device device(tile::find_gpu("h100"), threads);
        const Outputs again = execute(stage, device, problem, inputs);
        EXPECT_EQ(first.o, again.o) << stage.name << ", " << threads << " threads";
        EXPECT_EQ(first.lse, again.lse) << stage.name << ", " << threads << " threads";
      }
    }
  }
}

// Catches a meaning of attention that only this project has: the outputs of another program.
void compare_with_file(const char* file, double tolerance) {
  ASSERT_FALSE(stages().empty());
  const std::string path = std::string(ATTENTION_DATA_DIR) + "/" + file;
  const AttentionFile real = read_attention_file(path + ".safetensors", /*causal=*/false);
  const FileTensors expected = read_safetensors(path + ".expected.safetensors");
  for (const Stage& stage : stages()) {
    tile::cpu::Device device;
    const Outputs outputs = execute(stage, device, real.problem, real.inputs);
    const double allowed =
        stage.fp8 ? expect(real.problem, real.inputs, stage.fp8).o.max + tolerance : tolerance;
    const Buffer& o = expected.at("o").bytes;
    ASSERT_EQ(o.size(), q_elements(real.problem) * sizeof(float));
    for (std::int64_t i = 0; i < q_elements(real.problem); ++i) {
      float value;
      std::memcpy(&value, o.data() + i * sizeof value, sizeof value);
      const double error = std::abs(element(outputs.o, real.problem.dtype, i) - value);
      ASSERT_FALSE(!(error <= allowed)) << stage.name << ", element " << i << " of " << file;
    }
  }
}

TEST(ConformanceRealInputs, AgreesWithAnotherProgram) {
  compare_with_file("minilm_512", 1e-5);
}

TEST(ConformanceRealInputs, AgreesWithAnotherProgramPacked) {
  compare_with_file("minilm_packed", 4e-3);
}

}  // namespace
}  // namespace flash
