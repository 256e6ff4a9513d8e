# Checks of the text: sourced by .ci/run, whose functions and variables they use.
# shellcheck shell=bash disable=SC2154

check_format() {
  needs clang-format-14 || return "$skipped_status"
  local file status=0
  while IFS= read -r -d '' file; do
    clang-format-14 --dry-run -Werror "$file" 2>/dev/null ||
      { echo "$file: run clang-format-14 -i"; status=1; }
  done < <(git ls-files -z -- '*.h' '*.cpp' '*.cu')
  return $status
}

check_shell() {
  needs shellcheck || return "$skipped_status"
  shellcheck --external-sources ladder .ci/run .ci/includes.sh .ci/commands.sh common/testing/misuses.sh common/testing/mistakes.sh
}

# No file but data, and what is generated, has more than 250 lines.
check_lengths() {
  local file lines status=0
  while IFS= read -r -d '' file; do
    lines=$(sed '/^<!-- generated: /,/^<!-- end -->$/d' "$file" | wc -l)
    ((lines <= 250)) || { echo "$file: $lines lines, at most 250 are allowed"; status=1; }
  done < <(git ls-files -z -- ':!common/data/*.safetensors' ':!docs/results' ':!docs/pictures' ':!docs/find_the_bug.md')
  return $status
}

# A step adds at most 60 lines to the kernel that it builds on; a stage without steps at most 80, and
# at most 40 % of its lines are new. Otherwise the stage's README says why. A backward pass without
# steps may be new.
check_step_sizes() {
  local stage status=0
  for stage in "${stages[@]:1}"; do
    check_steps_of "$stage" || status=1
    [[ ! -d $stage/steps/backward ]] || check_steps_of "$stage/backward" || status=1
  done
  return $status
}

# check_steps_of STAGE[/backward]
check_steps_of() {
  local listing file added removed lines limit=60 share=100 verdict page=${1%/*}/README.md status=0
  listing=$(./ladder diff "$1" | grep -E '^[0-9]+  .* added, [0-9]+ removed$') || return 1
  [[ $1 != */backward ]] || page=${1%/*}/backward.md
  [[ -d ${1%/*}/steps ]] || limit=80 share=40
  while read -r _ file added _ removed _; do
    file=${file%:}
    lines=$(wc -l <"$file")
    verdict=""
    if ((added > limit || 100 * added > share * lines)); then
      verdict=$(grep -m 1 '^Step size:' "$page") ||
        { verdict="too large, and $page has no line 'Step size: reason'"; status=1; }
    fi
    printf '%-40s %3d added %3d removed %s\n' "$file" "$added" "$removed" "$verdict"
  done <<<"$listing"
  ./ladder diff "$1" last | grep -q '^+' || { echo "./ladder diff $1 last: shows no diff"; status=1; }
  return $status
}

check_docs() {
  quietly docs ./ladder docs --check
}

# says STATUS TEXT COMMAND [argument]...: the command exits so, and prints the text.
says() {
  local status=0
  "${@:3}" >"$results/workshop.log" 2>&1 || status=$?
  ((status == $1)) && grep -qF -- "$2" "$results/workshop.log" && return
  printf '%s: status %d, expected %d and "%s"\n' "${*:3}" $status "$1" "$2"
  cat "$results/workshop.log"
  return 1
}

# The loop of a learner, with a wrong kernel, somebody else's and a right one.
check_workshop() {
  local mine=03_v2/exercise/attention.h command
  for command in test check diff mistakes; do
    says 0 "usage: ladder $command" ./ladder "$command" --help || return 1
  done
  rm -rf 03_v2/exercise
  says 2 "expected your kernel" ./ladder check 03 &&
    says 0 "written: $mine" ./ladder start 03 &&
    says 0 "written down" ./ladder predict 03 --bytes 140MB --longest products &&
    says 1 "[1] The scores that the rows see is not written yet" ./ladder check 03 &&
    says 0 "1. " ./ladder hint 03 1 &&
    says 2 "has not passed" ./ladder diff 03 --mine &&
    echo '#include "../attention.h"' >$mine &&
    says 2 "a kernel of your own" ./ladder check 03 &&
    sed 's/multiply_rows(row_sum, rescale);//' 03_v2/attention.h >$mine &&
    says 1 "not right yet" ./ladder check 03 &&
    cp 03_v2/attention.h $mine &&
    says 0 "$mine: right, in all tests" ./ladder check 03 &&
    grep -q 'counted are' "$results/workshop.log" &&
    says 0 "0 added, 0 removed" ./ladder diff 03 --mine &&
    says 0 "passed" ./ladder list &&
    rm -r 03_v2/exercise
}
