// The command line of `ladder`, apart from the process that it runs in.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "bench/environment.h"

namespace flash {

using Arguments = std::vector<std::string>;

// Runs the command that the first argument names. Returns the exit status: 0 when all checks
// passed, 1 when one failed, 2 on bad input, which is one line on `err`.
int run_cli(const Arguments& arguments, const Environment& environment);

// Where this program was built from.
std::filesystem::path repository_root();

// The commands: each is given the arguments after its name.
int run_command(const Arguments& arguments, const Environment& environment);
int list_command(const Arguments& arguments, const Environment& environment);
int docs_command(const Arguments& arguments, const Environment& environment);
int bench_command(const Arguments& arguments, const Environment& environment);
int experiment_command(const Arguments& arguments, const Environment& environment);
int timeline_command(const Arguments& arguments, const Environment& environment);
int start_command(const Arguments& arguments, const Environment& environment);
int reset_command(const Arguments& arguments, const Environment& environment);
int hint_command(const Arguments& arguments, const Environment& environment);
int predict_command(const Arguments& arguments, const Environment& environment);

// How far the exercise of a stage is, empty if it was not started; and what to do next.
std::string progress_text(const Stage& stage, const Environment& environment);
std::string next_exercise_text(const Environment& environment);

}  // namespace flash
