# Builds and their tests: sourced by .ci/run, whose functions and variables they use.
# shellcheck shell=bash disable=SC2154

# Adds the counts of a JUnit report to the totals.
count_tests() {
  local tests failures not_run
  tests=$(grep -om1 '\<tests="[0-9]*' "$1" | tr -dc 0-9) || return 1
  failures=$(grep -om1 '\<failures="[0-9]*' "$1" | tr -dc 0-9)
  not_run=$(grep -om1 '\<skipped="[0-9]*' "$1" | tr -dc 0-9)
  echo "$tests tests, $failures failed, $not_run skipped"
  passed=$((passed + tests - failures - not_run))
  failed=$((failed + failures))
  skipped=$((skipped + not_run))
}

ladder_test() {
  local status=0 # the quick cases come first, outside of ctest
  quietly ladder ./ladder test --output-junit "$results/ladder.xml" || status=$?
  count_tests "$results/ladder.xml" && return $status
}

# run_tests BUILD_FOLDER [ctest option]...; finding no test is a failure.
run_tests() {
  local name=${1##*/} status=0
  quietly "$name-tests" ctest --test-dir "$1" --output-junit "$results/$name.xml" --no-tests=error \
    --output-on-failure --parallel "$jobs" "${@:2}" || status=$?
  count_tests "$results/$name.xml" && return $status
}

# build_preset PRESET [target]...
build_preset() {
  quietly "$1-configure" cmake --preset "$1" -G Ninja -DATTENTION_WERROR=ON &&
    { grep -h '^-- SIMD' "$results/$1-configure.log"; quietly "$1-build" cmake --build "build/$1" \
      --parallel "$jobs" ${2:+--target "${@:2}"}; }
}

# Sanitized code is several times slower, an emulator thirty times: what only repeats the kernels, on
# further or on large problems, stays out; and all pairs of mistakes, of which one has it all.
repeated='Training|AThousand|FiveHundred|Above300|LongSequences|MemoryOfALong'
repeated+='|DeterministicModeGives|Backward\.Grid|KnownMistake.*/[1-9]|TellsTheMistakes|NameOnlyMistakes|InEveryDType'
# Programs of their own, which builds of single stages do not build; and what has nothing to do with
# instruction sets.
steps='\.steps$|backward_test|\.Backward\.|AThousandSchedules'

# backward_of STAGE...: the quick programs of those that have a backward pass.
backward_of() {
  local stage
  for stage; do [[ ! -e $stage/backward.h ]] || echo "${stage}_backward_quick"; done
}

# All tests but those of what draws and writes pages, and of copies of the kernels: steps, exercises,
# other tiles.
sanitizer_tests() {
  local programs left_out='exercise|^(pages|pictures|timeline|training)_test$'
  build_preset sanitize suite || return # configures, too
  programs=$(cmake --build build/sanitize --target help |
    sed -nE 's/^([a-z0-9_]+_(test|quick)): phony$/\1/p' | grep -vE "cmake_object|$left_out")
  # shellcheck disable=SC2086 # no name has a space
  build_preset sanitize $programs && run_tests build/sanitize \
    --exclude-regex "$repeated|ItsTableSays|\.steps$|_NOT_BUILT"
}

# stage_tests PRESET STAGES [EXCLUDED]: the tests of the stages whose names match the regular
# expression STAGES.
stage_tests() {
  local stage tested=()
  for stage in "${stages[@]}"; do [[ ! $stage =~ $2 ]] || tested+=("$stage"); done
  # shellcheck disable=SC2046 # no name has a space
  build_preset "$1" "${tested[@]/%/_quick}" "${tested[@]/%/_test}" $(backward_of "${tested[@]}") &&
    run_tests "build/$1" --label-regex "$2" --exclude-regex "${3:-$steps}"
}
# Stages from 03 on use every operation that the earlier ones use; 04 and 06 nearly all.
late_stages='^0[3-9]' two_stages='^0[46]'

# A kernel with a mistake is rejected, and by name; and what would hide a mistake is noticed. A third of
# them, another one with each commit; docs/mistakes.md has a line for each, as all of them were tried.
check_mistakes() {
  local patch commits status=0
  commits=$(git rev-list --count HEAD)
  for patch in common/workshop/mistakes/*/*.patch; do
    grep -qF "/$patch)" docs/mistakes.md ||
      { echo "docs/mistakes.md lacks $patch: run ./ladder mistakes --write"; status=1; }
  done
  quietly runner-of-mistakes common/testing/mistakes.sh || status=1
  quietly mistakes ./ladder mistakes --sample "3+$((commits % 3))" || status=1
  tail -n 1 "$results/mistakes.log"
  return $status
}

# The stage's quick cases and own tests; the rest of the suite has already run in `ladder test`.
standalone_tests() {
  # shellcheck disable=SC2046
  quietly "$1-configure" cmake -S "$1" -B "build/$1" -G Ninja &&
    quietly "$1-build" cmake --build "build/$1" --parallel "$jobs" \
      --target attention_ladder "$1_quick" "$1_test" $(backward_of "$1") &&
    run_tests "build/$1" --label-regex "^$1" --exclude-regex "\.Conformance|$steps"
}

aarch64_tests() {
  needs aarch64-linux-gnu-g++ qemu-aarch64 || return "$skipped_status"
  stage_tests aarch64 "$two_stages" "SameBits|UpTo300|ThreeConsumers|$repeated|$steps"
}

fuzz_safetensors() {
  needs clang++-14 || return "$skipped_status"
  build_preset fuzz safetensors_fuzz &&
    quietly fuzz build/fuzz/common/safetensors_fuzz -max_total_time=20 -print_final_stats=1 &&
    grep number_of_executed_units "$results/fuzz.log"
}

# Nothing here can run it.
compile_gpu_measurements() {
  needs nvcc || return "$skipped_status"
  quietly gpu-configure cmake -S common/model/measured -B build/measured &&
    quietly gpu-build cmake --build build/measured --parallel "$jobs"
}
