# The workshop's loop: sourced by ladder, whose functions and variables these use.
# shellcheck shell=bash disable=SC2154

# check_once STAGE: builds and tests its exercise, and nothing else; in a subshell, as a failed build
# exits.
check_once() (
  number=${1%%_*}
  file=$1/exercise/attention.h
  left=$(grep -c '^ *todo("' "$root/$file") || :
  printf 'checking %s\n' "$file"
  verdict() {
    printf '%s: %s\n' "$1" "$2"
    exit 1
  }
  build "${1}_exercise_quick"
  "$build/$1/${1}_exercise_quick" ||
    verdict "${file%%/*}" "not right yet$( ((left == 0)) || printf ', %d to be written' "$left"); ./ladder hint $number N helps"
  ((left == 0)) || verdict "$file" "passes, but says todo $left times where no test comes by"
  build "${1}_exercise_test" attention_ladder
  test_program "$build/$1/${1}_exercise_test" 2>&1 | first_failure || verdict "$file" "the quick cases pass, the suite does not"
  echo passed >>"$root/$1/exercise/progress"
  printf '%s: right, in all tests\n' "$file"
  ! grep -q '^predict' "$root/$1/exercise/progress" || "$build/attention_ladder" predict "$number"
  next=$("$build/attention_ladder" list | sed -n 's/^next: //p')
  printf 'next: ./ladder diff %s --mine%s\n' "$number" "${next:+, then $next}"
  [[ $next ]] || echo "all exercises are solved"
)

# Of what GoogleTest prints: the first failure, no wider than a terminal, and which test it is of.
first_failure() {
  awk '
    /: Failure$/ && ++failures > 1 { skip = 1 }
    /^\[  FAILED  \]/ { if (!named++) print; skip = 1 }
    !skip' | fold -s -w 80 | sed -n 1,24p
}

# The kernel that is checked has to be the learner's own.
refuse_other_kernels() {
  local line
  line=$(grep -nE '^ *# *include' "$root/$1" | grep -vE '"(attention/(kernel|kv_group)|tile/todo)\.h"|<[a-z_]+>' | head -n 1) ||
    return 0
  refuse "check: $1:$line, expected the includes of the skeleton, and a kernel of your own"
}

# check_exercise STAGE [--watch]
check_exercise() {
  local stage file stamp=$build/checked status
  (($# > 0)) || { usage check; exit 0; }
  (($# == 1)) || [[ $# == 2 && $2 == --watch ]] || refuse "check: $# arguments, expected a stage, and --watch or nothing"
  stage=$(find_stage check "$1")
  file=$stage/exercise/attention.h
  [[ -e $root/$file ]] ||
    refuse "check: $file does not exist, expected your kernel: ./ladder start ${stage%%_*} writes its beginning"
  while :; do
    refuse_other_kernels "$file"
    mkdir -p "$build"
    touch "$stamp"
    status=0
    check_once "$stage" || status=$?
    [[ ${2:-} ]] || exit $status
    printf 'waiting until %s is saved; Ctrl-C ends\n' "$file"
    until [[ $root/$file -nt $stamp ]]; do sleep 0.5; done
  done
}

# has_passed PROGRESS: and was not reset afterwards.
has_passed() {
  [[ -e $1 ]] && awk '/^(passed|reset)/ { last = $1 } END { exit last != "passed" }' "$1"
}

# show_mine STAGE [--spoil]: from the exercise to the stage's own kernel.
show_mine() {
  local stage folder colour=--no-color
  stage=$(find_stage diff "$1")
  folder=$stage/exercise
  [[ -e $root/$folder/attention.h ]] || refuse "diff: $folder/attention.h does not exist, expected your kernel"
  if [[ ${2:-} != --spoil ]] && ! has_passed "$root/$folder/progress"; then
    refuse "diff: $folder/attention.h has not passed ./ladder check ${stage%%_*} yet, expected that, or --spoil"
  fi
  [[ ! -t 1 || ${NO_COLOR:-} ]] || colour=--color
  printf '%s -> %s: %s\n' "$folder/attention.h" "$stage/attention.h" \
    "$(size_of_diff "$folder/attention.h" "$stage/attention.h")"
  kernel_diff "$folder/attention.h" "$stage/attention.h" $colour
}
