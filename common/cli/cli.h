// The command line of `ladder`, apart from the process that it runs in.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "bench/environment.h"

namespace flash {

using Arguments = std::vector<std::string>;

// Is given the arguments after its name and returns the exit status.
using Command = int(const Arguments&, const Environment&);

// Runs the command that the first argument names. Returns the exit status: 0 when all checks
// passed, 1 when one failed, 2 on bad input, which is one line on `err`; on a terminal it is
// wrapped.
Command run_cli;

// What a command throws becomes that line.
int run_guarded(Command* command, const Arguments& arguments, const Environment& environment);

// The same for a whole program, whose terminal this is.
int run_program(Command* command, int argc, char** argv);

// Where this program was built from.
std::filesystem::path repository_root();

Command run_command, list_command, bench_command, experiment_command, timeline_command,
    start_command, reset_command, hint_command, predict_command;

// How far the exercise of a stage is, empty if it was not started; and what to do next.
std::string progress_text(const Stage& stage, const Environment& environment);
std::string next_exercise_text(const Environment& environment);

}  // namespace flash
