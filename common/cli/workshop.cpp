// The workshop's commands: start, reset, hint, predict. `ladder check` builds and tests what start
// wrote.
#include <iostream>

#include "cli/cli.h"
#include "cli/options.h"
#include "workshop/exercise.h"
#include "workshop/prediction.h"
#include "workshop/progress.h"

namespace flash {
namespace {

constexpr Option predict_options[] = {
    {"--bytes", "SIZE", "all that is read and written in HBM: 850MB, 1.2GB"},
    {"--longest", "WORK", "memory, products or exponentials"},
};

constexpr std::string_view backward_suffix = "/backward";

// What a command's first argument names: a stage, or its backward pass.
struct Asked {
  const Stage& stage;
  Exercises exercises;
};

Exercises exercise_of(const Stage& stage, const Environment& environment, bool backward = false) {
  return {environment.root, std::string(stage.name.substr(0, stage.name.find('/'))), backward};
}

Asked asked_by(const std::string& command, const Arguments& arguments,
               const Environment& environment) {
  if (arguments.empty()) refuse(command, "no stage", "one: 03");
  std::string name = arguments.front();
  const bool backward = name.ends_with(backward_suffix);
  if (backward) name.resize(name.size() - backward_suffix.size());
  try {
    const Stage& stage = find_stage(name, environment.stages);
    if (stage.is_step()) refuse(command, std::string(stage.name) + " is a step", "a stage");
    if (backward && !stage.backward())
      refuse(command, std::string(stage.name) + " has no backward pass", "a stage that has one");
    return {stage, exercise_of(stage, environment, backward)};
  } catch (const BadInput& error) {
    if (error.argument == command) throw;
    throw BadInput(command + std::string(error.what()).substr(error.argument.size()));
  }
}

void expect_only(std::size_t count, const std::string& command, const Arguments& arguments) {
  if (arguments.size() > count)
    refuse(command, in_quotes(arguments[count]) + " as well",
           count == 1 ? "a stage alone" : "a stage and a region");
}

void write_skeleton(const Exercises& exercises, const Environment& environment) {
  const Exercise exercise = parse_exercise(exercises.description());
  const std::string kernel = exercises.kernel();
  const std::string kept = exercises.write_solution(skeleton(exercises.number(), kernel, exercise));
  std::ostream& out = environment.out;
  if (!kept.empty()) out << "kept: " << kept << "\n";
  out << "written: " << exercises.shown() << "\n\n"
      << paragraph(environment.terminal, "", exercise.introduction) << "\n";
  for (const Region& region : regions_of(kernel, exercise))
    out << "  " << region.label() << ", " << region.code_lines << " lines\n";
  const std::string number = exercises.number();
  out << "\n  ./ladder predict " << number << "   first: how much will it move?\n"
      << "  ./ladder check " << number << "     is what I wrote right?\n"
      << "  ./ladder hint " << number << " 1    the first of three hints for region 1\n";
}

std::string ask(const Environment& environment, const std::string& question) {
  environment.out << question << " " << std::flush;
  std::string answer;
  if (!environment.in || !std::getline(*environment.in, answer))
    refuse("predict", "no answer", "one, or --bytes SIZE --longest WORK");
  return answer;
}

std::string described(const Problem& p) {
  return std::to_string(p.heads) + " heads" +
         (p.kv_heads < p.heads ? " on " + std::to_string(p.kv_heads) + " key heads" : "") + ", " +
         std::to_string(p.seqlen_q) + (p.seqlen_q == 1 ? " query, " : " queries, ") +
         std::to_string(p.seqlen_k) + " keys, head_dim " + std::to_string(p.head_dim) + ", bf16";
}

// The regions, and how many of their hints were given.
void list_hints(const Exercises& exercises, const Exercise& exercise,
                const std::vector<Region>& regions, const Environment& environment) {
  const Attempt attempt = exercises.attempt();
  for (const Region& region : regions) {
    const auto given = attempt.hints.find(region.number);
    environment.out << "  " << region.label() << ": "
                    << (given == attempt.hints.end() ? 0 : given->second) << " of "
                    << exercise.tasks[region.number - 1].hints.size() << " hints given\n";
  }
  environment.out << "\n  ./ladder hint " << exercises.number()
                  << " 1   the next one for region 1\n";
}

}  // namespace

int start_command(const Arguments& arguments, const Environment& environment) {
  const Exercises exercises = asked_by("start", arguments, environment).exercises;
  expect_only(1, "start", arguments);
  if (exercises.is_started())
    refuse("start", exercises.shown() + " exists",
           "none: ./ladder check " + exercises.number() + " tests it, ./ladder reset " +
               exercises.number() + " keeps it under another name and begins anew");
  write_skeleton(exercises, environment);
  return 0;
}

int reset_command(const Arguments& arguments, const Environment& environment) {
  const Exercises exercises = asked_by("reset", arguments, environment).exercises;
  expect_only(1, "reset", arguments);
  if (!exercises.is_started())
    refuse("reset", exercises.shown() + " does not exist",
           "your kernel: ./ladder start " + exercises.number() + " writes its beginning");
  write_skeleton(exercises, environment);
  exercises.note("reset");
  return 0;
}

int hint_command(const Arguments& arguments, const Environment& environment) {
  const Exercises exercises = asked_by("hint", arguments, environment).exercises;
  expect_only(2, "hint", arguments);
  const Exercise exercise = parse_exercise(exercises.description());
  const std::vector<Region> regions = regions_of(exercises.kernel(), exercise);
  if (arguments.size() < 2) return list_hints(exercises, exercise, regions, environment), 0;
  const std::string asked = arguments[1];
  std::size_t i = 0;
  while (i < regions.size() && std::to_string(regions[i].number) != asked) ++i;
  if (i == regions.size())
    refuse("hint", in_quotes(asked) + " is not a region", "1 to " + std::to_string(regions.size()));
  const std::vector<std::string>& hints = exercise.tasks[i].hints;
  Attempt attempt = exercises.attempt();
  const int given = attempt.hints[regions[i].number];
  const int last = static_cast<int>(hints.size());
  environment.out << regions[i].label() << "\n";
  for (int n = 0; n <= std::min(given, last - 1); ++n)
    environment.out << paragraph(environment.terminal, "  " + std::to_string(n + 1) + ". ",
                                 hints[n]);
  if (given < last) exercises.note("hint " + asked);
  if (given + 1 < last) environment.out << "  (" << last - given - 1 << " more: ask again)\n";
  return 0;
}

int predict_command(const Arguments& arguments, const Environment& environment) {
  if (asks_for_help(arguments))
    return environment.out << "usage: ladder predict STAGE [OPTIONS]\n\n"
                              "Writes down what you think that a stage moves, and what takes "
                              "longest; asks for\nit without options. Compared once the stage "
                              "passes.\n\n"
                           << options_help(predict_options),
           0;
  const auto& [stage, exercises] = asked_by("predict", arguments, environment);
  const Options options("predict", predict_options, {arguments.begin() + 1, arguments.end()});
  const Attempt attempt = exercises.attempt();
  const std::string problem = std::string(stage.name) +
                              (exercises.backward() ? ", backward: " : ": ") +
                              described(predicted_problem(stage)) + "\n";
  if (attempt.passed && attempt.prediction && !options.given("--bytes")) {
    environment.out << problem << compare(stage, *attempt.prediction, exercises.backward());
    return 0;
  }
  environment.out << problem;
  const std::string bytes =
      options.given("--bytes")
          ? options.one("--bytes")
          : ask(environment, "  bytes read and written in HBM, all in all (850MB, 1.2GB)?");
  const double guess = parse_bytes(bytes);
  const std::string longest =
      options.given("--longest")
          ? options.one("--longest")
          : ask(environment, "  what takes longest on an H100: memory, products, exponentials?");
  if (longest != "memory" && longest != "products" && longest != "exponentials")
    refuse("--longest", in_quotes(longest), "memory, products or exponentials");
  exercises.note("predict " + number_text(guess) + " " + longest);
  environment.out << "  written down; ./ladder check " << exercises.number()
                  << " compares it once the stage passes\n";
  return 0;
}

namespace {

std::string progress_of(const Exercises& exercises) {
  if (!exercises.is_started()) return "";
  if (exercises.attempt().passed) return "passed";
  const std::size_t all = parse_exercise(exercises.description()).tasks.size();
  const std::size_t left = unwritten_regions(exercises.solution_text()).size();
  return std::to_string(all - std::min(left, all)) + " of " + std::to_string(all) +
         " regions written";
}

}  // namespace

std::string progress_text(const Stage& stage, const Environment& environment) {
  const std::string forward = progress_of(exercise_of(stage, environment));
  const std::string backward = progress_of(exercise_of(stage, environment, true));
  if (backward.empty()) return forward;
  return forward + (forward.empty() ? "" : ", ") + "backward " + backward;
}

std::string next_exercise_text(const Environment& environment) {
  for (const bool backward : {false, true})
    for (const Stage& stage : environment.stages) {
      if (stage.is_step() || (backward && !stage.backward())) continue;
      const Exercises exercises = exercise_of(stage, environment, backward);
      if (exercises.attempt().passed) continue;
      return "\nnext: ./ladder " + std::string(exercises.is_started() ? "check " : "start ") +
             exercises.number() + "\n";
    }
  return "\nall exercises are solved\n";
}

}  // namespace flash
