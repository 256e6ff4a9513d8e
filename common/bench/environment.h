// What a command or an experiment works with, apart from the process that it runs in.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>
#include <vector>

#include "bench/peaks.h"
#include "report/table.h"
#include "stages/stage.h"

namespace flash {

// Tests put their own in.
struct Environment {
  std::ostream& out;
  std::ostream& err;
  const std::vector<Stage>& stages;
  Terminal terminal = {};  // for text on `out`
  bool progress = false;   // on `err`, which must be a terminal
  Peaks (*measure_peaks)(int threads) = flash::measure_peaks;
  std::istream* in = nullptr;       // answers to questions; null: nobody is there
  std::filesystem::path root = {};  // of the repository
};

}  // namespace flash
