// What a learner has written is never lost.
#include "workshop/progress.h"

#include <gtest/gtest.h>

#include <fstream>

#include "testing/scratch.h"
#include "tile/error.h"

namespace flash {
namespace {

namespace fs = std::filesystem;

class Progressing : public testing::Test {
 protected:
  Progressing() { fs::create_directories(root / "03_v2"); }

  const Scratch scratch;
  const fs::path& root = scratch.path();
  const Exercises exercises{root, "03_v2"};
};

TEST_F(Progressing, KeepsEveryOlderSolution) {
  EXPECT_FALSE(exercises.is_started());
  EXPECT_THROW(exercises.solution_text(), tile::BadInput);
  EXPECT_EQ(exercises.write_solution("first"), "");
  EXPECT_EQ(exercises.write_solution("second"), "03_v2/exercise/attention.h.1");
  EXPECT_EQ(exercises.write_solution("third"), "03_v2/exercise/attention.h.2");
  EXPECT_EQ(exercises.solution_text(), "third");
  std::ifstream kept(root / "03_v2/exercise/attention.h.1");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), "first");
}

TEST_F(Progressing, RemembersHintsPredictionAndPass) {
  exercises.note("hint 2");
  exercises.note("hint 2");
  exercises.note("predict 1.5e+09 products");
  Attempt attempt = exercises.attempt();
  EXPECT_EQ(attempt.hints[2], 2);
  EXPECT_EQ(attempt.hints[1], 0);
  EXPECT_EQ(attempt.prediction.value().bytes, 1.5e9);
  EXPECT_EQ(attempt.prediction.value().limit, "products");
  EXPECT_FALSE(attempt.passed);
  exercises.note("passed");
  EXPECT_TRUE(exercises.attempt().passed);
  exercises.note("reset");
  EXPECT_FALSE(exercises.attempt().passed);
}

// Anybody may have written into the file.
TEST_F(Progressing, IgnoresLinesThatItDoesNotKnow) {
  exercises.note("hint\npredict lots memory\n\xff\x01\npassed?");
  const Attempt attempt = exercises.attempt();
  EXPECT_TRUE(attempt.hints.empty());
  EXPECT_FALSE(attempt.prediction.has_value());
  EXPECT_FALSE(attempt.passed);
}

}  // namespace
}  // namespace flash
