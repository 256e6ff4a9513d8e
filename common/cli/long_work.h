// What a command does around work that takes long.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "attention/problem.h"
#include "bench/environment.h"

namespace flash {

// One line on a terminal that says what takes so long; gone in the end.
class Progress {
 public:
  explicit Progress(const Environment& environment) : environment_(environment) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { show(""); }

  void show(const std::string& text) {
    if (environment_.progress) environment_.err << "\r\x1b[K" << text << std::flush;
  }

 private:
  const Environment& environment_;
};

// The files of --output, which is a regular one, and of --json can be written, and are two; empty:
// there is none. Checked before the work, so that it is not lost. Throws BadInput.
void require_writable(const std::string& output, const std::string& json);

// The inputs and one stage's outputs fit in memory. Throws BadInput.
void require_memory_for_tensors(const Problem& problem);

// To the file of an option; a number that is not finite becomes null. Throws BadInput.
void write_json(const std::string& option, const std::string& file,
                const nlohmann::ordered_json& json);

}  // namespace flash
