# What --help says of the commands that are made of shell: sourced by ladder.
# shellcheck shell=bash

# asks_for_help [argument]...
asks_for_help() {
  local argument
  for argument; do [[ $argument != --help && $argument != -h ]] || return 0; done
  return 1
}

# usage COMMAND: prints it; fails if the program answers itself.
usage() {
  case $1 in
    test)
      printf 'usage: ladder test [STAGE] [--verbose] [OPTIONS]\n\n%s\n%s\n\n%s\n%s\n%s\n' \
        'Builds and tests all stages, or one, a step (04/2, 03/backward/2) or a backward' \
        'pass (03/backward): fifty small problems first, the rest if they pass.' \
        '  --verbose           all failures, and the rest even if the first fail' \
        '  OPTIONS             those of ctest; of one stage, those of GoogleTest:' \
        '                      --gtest_filter, ...'
      ;;
    check)
      printf 'usage: ladder check STAGE [--watch]\n\n%s\n%s\n%s\n\n%s\n' \
        'Builds and tests your kernel, STAGE/exercise/attention.h, and nothing else; of' \
        '03/backward your exercise/backward.h. ./ladder start STAGE writes its' \
        'beginning.' \
        '  --watch             again each time it is saved'
      ;;
    diff)
      printf 'usage: ladder diff STAGE [N]\n       ladder diff STAGE --mine [--spoil]\n\n%s\n%s\n\n%s\n%s\n%s\n' \
        'The steps that lead to a stage from the one before: complete kernels that add' \
        'one idea each. Of 03/backward: from the backward pass of 02.' \
        '  N                   the N-th of them as a diff' \
        '  --mine              from your exercise to the kernel, once it has passed' \
        '  --spoil             before it has'
      ;;
    mistakes)
      printf 'usage: ladder mistakes [STAGE]... [OPTIONS]\n\n%s\n%s\n\n%s\n%s\n' \
        'Kernels with a mistake each: is it found, and what is said of it? The patches' \
        'are in common/workshop/mistakes.' \
        '  --sample N[+K]      every N-th of them, from number K on (0 is the first)' \
        '  --write             write docs/mistakes.md and docs/find_the_bug.md'
      ;;
    *) return 1 ;;
  esac
}
