#include "workshop/progress.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "tile/error.h"

namespace flash {
namespace {

using tile::BadInput;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || !text) throw BadInput(path.string(), "cannot be read", "a file");
  return text.str();
}

void write(const std::filesystem::path& path, const std::string& text, std::ios::openmode mode) {
  std::error_code ignored;  // the file cannot be opened then
  std::filesystem::create_directories(path.parent_path(), ignored);
  std::ofstream file(path, mode | std::ios::binary);
  file << text << std::flush;
  if (!file) throw BadInput(path.string(), "cannot be written", "a writable place");
}

}  // namespace

Exercises::Exercises(std::filesystem::path root, std::string stage, bool backward)
    : root_(std::move(root)), stage_(std::move(stage)), backward_(backward) {}

std::string Exercises::kernel() const {
  return read(root_ / stage_ / header());
}

std::string Exercises::description() const {
  return read(root_ / stage_ / (backward_ ? "backward.txt" : "exercise.txt"));
}

std::string Exercises::solution_text() const {
  if (!is_started())
    throw BadInput(shown(), "does not exist",
                   "a solution: ./ladder start " + number() + " writes its beginning");
  return read(solution());
}

std::string Exercises::write_solution(const std::string& text) const {
  std::filesystem::path kept;
  if (is_started()) {
    for (int i = 1; kept.empty() || std::filesystem::exists(kept); ++i)
      kept = folder() / (header() + "." + std::to_string(i));
    std::filesystem::rename(solution(), kept);
  }
  write(solution(), text, std::ios::trunc);
  return kept.empty() ? "" : stage_ + "/exercise/" + kept.filename().string();
}

Attempt Exercises::attempt() const {
  Attempt attempt;
  std::ifstream file(progress());
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (int region; what == "hint" && words >> region) ++attempt.hints[region];
    if (Prediction p; what == "predict" && words >> p.bytes >> p.limit) attempt.prediction = p;
    if (what == "passed") attempt.passed = true;
    if (what == "reset") attempt.passed = false;
  }
  return attempt;
}

void Exercises::note(const std::string& line) const {
  write(progress(), line + "\n", std::ios::app);
}

}  // namespace flash
