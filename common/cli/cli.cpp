#include "cli/cli.h"

#include <algorithm>
#include <new>
#include <string_view>

#include "cli/help.h"
#include "cli/options.h"
#include "tile/error.h"

namespace flash {
namespace {

struct NamedCommand {
  std::string_view name;
  Command* run;
  std::string_view usage = {};  // of one that does not answer --help itself
};

int built_around(const Arguments&, const Environment&) {
  throw BadInput(
      "test, check, diff, docs and report: not commands of this program, expected ./ladder test, "
      "./ladder check, ./ladder diff, ./ladder docs or ./ladder report, which build first");
}

constexpr NamedCommand commands[] = {
    {"run", run_command},
    {"bench", bench_command},
    {"list", list_command,
     "usage: ladder list\n\nThe stages, their steps and ideas, and how far your exercises are.\n"},
    {"docs", built_around},
    {"report", built_around},
    {"test", built_around},
    {"experiment", experiment_command},
    {"timeline", timeline_command},
    {"start", start_command,
     "usage: ladder start STAGE\n\n"
     "Writes STAGE/exercise/attention.h: the stage's kernel with regions that are left\n"
     "to you; of 03/backward the backward pass, exercise/backward.h. ./ladder check\n"
     "STAGE tests it.\n"},
    {"reset", reset_command,
     "usage: ladder reset STAGE\n\n"
     "Begins the exercise anew, and keeps what is there under another name.\n"},
    {"hint", hint_command,
     "usage: ladder hint STAGE [N]\n\n"
     "The next of three hints for region N of the exercise; without N, how many of\n"
     "each region's you have seen.\n"},
    {"predict", predict_command},
    {"check", built_around},
    {"diff", built_around},
};

int dispatch(const Arguments& arguments, const Environment& environment) {
  const std::string name = arguments.empty() ? "--help" : arguments.front();
  if (name == "--help" || name == "-h") return environment.out << help_text(), 0;
  if (name == "--version") return environment.out << version_text(), 0;
  for (const NamedCommand& command : commands)
    if (command.name == name) {
      const Arguments rest(arguments.begin() + 1, arguments.end());
      if (!command.usage.empty() && asks_for_help(rest)) return environment.out << command.usage, 0;
      return command.run(rest, environment);
    }
  throw BadInput(
      "'" + name +
      "': is not a command, expected run, test, bench, list, diff, start, check, hint, predict, "
      "reset, experiment, timeline, report, docs, --help or --version");
}

// Control characters, as in a file's name, would break the line or paint the terminal.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return text;
}

}  // namespace

int run_cli(const Arguments& arguments, const Environment& environment) {
  return run_guarded(dispatch, arguments, environment);
}

int run_guarded(Command* command, const Arguments& arguments, const Environment& environment) {
  std::string error;
  try {
    const int status = command(arguments, environment);
    if (environment.out.flush()) return status;
    error = "standard output: cannot be written, expected a terminal, a pipe or a file";
  } catch (const BadInput& bad_input) {
    error = bad_input.what();
  } catch (const std::bad_alloc&) {
    error = "the problem: does not fit in this machine's memory, expected a smaller one";
  } catch (const std::exception& unexpected) {
    error = unexpected.what();
  }
  const std::string line = one_line(error);
  if (environment.progress)
    environment.err << paragraph({.width = 80}, "ladder: ", line);
  else
    environment.err << "ladder: " << line << "\n";
  return 2;
}

std::filesystem::path repository_root() {
  return std::filesystem::path(ATTENTION_DATA_DIR) / "../..";
}

int list_command(const Arguments& arguments, const Environment& environment) {
  const Options none("list", {}, arguments);
  const auto label_of = [](const Stage& stage) {
    return (stage.is_step() ? "  " : "") + std::string(stage.name);
  };
  std::size_t longest = 0;
  for (const Stage& stage : environment.stages) longest = std::max(longest, label_of(stage).size());
  for (const Stage& stage : environment.stages) {
    std::string label = label_of(stage);
    label.resize(longest + 2, ' ');
    const std::string state = stage.is_step() ? "" : progress_text(stage, environment);
    environment.out << paragraph(environment.terminal, label,
                                 std::string(stage.idea) + (state.empty() ? "" : ": " + state));
  }
  environment.out << next_exercise_text(environment);
  return 0;
}

}  // namespace flash
