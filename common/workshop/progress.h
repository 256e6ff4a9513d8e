// What a learner has done with a stage's exercise: lines in its folder's file `progress`.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace flash {

struct Prediction {
  double bytes;       // read and written in HBM
  std::string limit;  // what takes longest
};

struct Attempt {
  std::map<int, int> hints;  // given, by region
  std::optional<Prediction> prediction;
  bool passed = false;
};

// A stage's exercise in the repository at `root`, or that of its backward pass.
class Exercises {
 public:
  Exercises(std::filesystem::path root, std::string stage, bool backward = false);

  bool backward() const { return backward_; }
  // What commands call it: "03", "03/backward".
  std::string number() const { return stage_.substr(0, 2) + (backward_ ? "/backward" : ""); }
  std::string shown() const { return stage_ + "/exercise/" + header(); }  // from the root
  std::filesystem::path solution() const { return folder() / header(); }
  bool is_started() const { return std::filesystem::exists(solution()); }

  std::string kernel() const;         // the stage's own
  std::string description() const;    // exercise.txt, backward.txt
  std::string solution_text() const;  // throws BadInput if it was not started

  // Writes the solution's file; an older one is kept, under the name that is returned.
  std::string write_solution(const std::string& text) const;

  Attempt attempt() const;
  void note(const std::string& line) const;  // "hint 2", "passed", "predict 1.2e9 products"

 private:
  std::filesystem::path folder() const { return root_ / stage_ / "exercise"; }
  std::string header() const { return backward_ ? "backward.h" : "attention.h"; }
  std::filesystem::path progress() const {
    return folder() / (backward_ ? "progress_backward" : "progress");
  }

  std::filesystem::path root_;
  std::string stage_;
  bool backward_;
};

}  // namespace flash
