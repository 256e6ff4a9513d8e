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
  shellcheck --external-sources ladder .ci/run .ci/includes.sh common/testing/misuses.sh .ci/includes.sh
}

# No file but data has more than 250 lines.
check_lengths() {
  local file lines status=0
  while IFS= read -r -d '' file; do
    lines=$(wc -l <"$file")
    ((lines <= 250)) || { echo "$file: $lines lines, at most 250 are allowed"; status=1; }
  done < <(git ls-files -z -- ':!common/data/*.safetensors' ':!docs/results')
  return $status
}

# A stage adds at most 80 lines to the kernel that it builds on, and at most 40 % of its lines are
# new, or else its README says why. 06 builds on 03: it decodes in the problem's precision, with
# neither the roles of 04 nor the formats of 05.
check_step_sizes() {
  local previous="" stage added removed lines verdict status=0
  printf '%-38s %5s %7s %4s\n' step added removed new
  for stage in "${stages[@]}"; do
    [[ $stage != 06_* ]] || previous=03_v2
    if [[ -n $previous ]]; then
      read -r added removed _ < <(git diff --no-index --ignore-all-space --numstat \
        -- "$previous/attention.h" "$stage/attention.h")
      lines=$(wc -l <"$stage/attention.h")
      verdict=""
      if ((added > 80 || 100 * added > 40 * lines)); then
        verdict=$(grep -m 1 '^Step size:' "$stage/README.md") ||
          { verdict="too large, and its README has no line 'Step size: reason'"; status=1; }
      fi
      printf '%-38s %5d %7d %3d%% %s\n' "$previous -> $stage" "$added" "$removed" \
        $((100 * added / lines)) "$verdict"
    fi
    previous=$stage
  done
  return $status
}

check_docs() {
  quietly docs ./ladder docs --check
}
