# The workshop's loop: sourced by ladder, whose functions and variables these use.
# shellcheck shell=bash disable=SC2154

# The exercise that NAME is the name of, 03 or 03/backward: sets stage, number, file and pass, which
# is "" or _backward.
find_exercise() {
  local command=$1 name=${2%/backward}
  stage=$(find_stage "$command" "$name")
  pass="" number=${stage%%_*} file=$stage/exercise/attention.h
  [[ $2 == */backward ]] || return 0
  [[ -e $root/$stage/backward.h ]] || refuse "$command: $stage has no backward pass, expected a stage that has one"
  pass=_backward number+=/backward file=$stage/exercise/backward.h
}

# check_once: builds and tests the exercise that find_exercise has found, and nothing else; in a
# subshell, as a failed build exits.
check_once() (
  exercise=$stage${pass}_exercise
  left=$(grep -c '^ *todo("' "$root/$file") || :
  printf 'checking %s\n' "$file"
  verdict() {
    printf '%s: %s\n' "$1" "$2"
    exit 1
  }
  build "${exercise}_quick"
  "$build/$stage/${exercise}_quick" ||
    verdict "${file%%/*}" "not right yet$( ((left == 0)) || printf ', %d to be written' "$left"); ./ladder hint $number N helps"
  ((left == 0)) || verdict "$file" "passes, but says todo $left times where no test comes by"
  build "${exercise}_test" attention_ladder
  test_program "$build/$stage/${exercise}_test" 2>&1 | first_failure || verdict "$file" "the quick cases pass, the suite does not"
  echo passed >>"$root/$stage/exercise/progress$pass"
  printf '%s: right, in all tests\n' "$file"
  ! grep -q '^predict' "$root/$stage/exercise/progress$pass" || "$build/attention_ladder" predict "$number"
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
  line=$(grep -nE '^ *# *include' "$root/$1" | grep -vE '"(attention/(kernel|kv_group|backward_kernel)|tile/todo)\.h"|<[a-z_]+>' | head -n 1) ||
    return 0
  refuse "check: $1:$line, expected the includes of the skeleton, and a kernel of your own"
}

# check_exercise STAGE [--watch]
check_exercise() {
  local stage pass number file stamp=$build/checked status
  (($# > 0)) || { usage check; exit 0; }
  (($# == 1)) || [[ $# == 2 && $2 == --watch ]] || refuse "check: $# arguments, expected a stage, and --watch or nothing"
  find_exercise check "$1"
  [[ -e $root/$file ]] ||
    refuse "check: $file does not exist, expected your kernel: ./ladder start $number writes its beginning"
  while :; do
    refuse_other_kernels "$file"
    mkdir -p "$build"
    touch "$stamp"
    status=0
    check_once || status=$?
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
  local stage pass number file kernel colour=--no-color
  find_exercise diff "$1"
  kernel=$stage/${file##*/}
  [[ -e $root/$file ]] || refuse "diff: $file does not exist, expected your kernel"
  if [[ ${2:-} != --spoil ]] && ! has_passed "$root/$stage/exercise/progress$pass"; then
    refuse "diff: $file has not passed ./ladder check $number yet, expected that, or --spoil"
  fi
  [[ ! -t 1 || ${NO_COLOR:-} ]] || colour=--color
  printf '%s -> %s: %s\n' "$file" "$kernel" "$(size_of_diff "$file" "$kernel")"
  kernel_diff "$file" "$kernel" $colour
}
