#!/usr/bin/env bash
# mistakes.sh: whether `ladder mistakes` fails where it should: with a patch that changes nothing that
# counts, with one that does not apply, one that does not compile, one that expects other words, and
# with no patch at all; and whether it accepts a mistake that is named.
set -euo pipefail
root=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../..
ATTENTION_MISTAKES=$(mktemp -d)
export ATTENTION_MISTAKES
trap 'rm -r "$ATTENTION_MISTAKES"' EXIT
status=0

# patch EXPECT OLD NEW: the only one, of a line of stage 00.
patch() {
  mkdir -p "$ATTENTION_MISTAKES/00"
  printf 'Mistake: a test\nExpect: %s\n\n--- a/attention.h\n+++ b/attention.h\n@@ -95,1 +95,1 @@\n-%s\n+%s\n' \
    "$@" >"$ATTENTION_MISTAKES/00/a_test.patch"
}

# is VERDICT STATUS
is() {
  local output status_of_it=0
  output=$("$root/ladder" mistakes 00 2>&1) || status_of_it=$?
  ((status_of_it == $2)) && grep -qE -- "$1" <<<"$output" && return
  printf 'expected: %s, exit status %d; it was %d:\n%s\n' "$1" "$2" $status_of_it "$output"
  status=1
}

line="    divide_rows(O, row_sum);"
is 'there are none' 2
patch 'not divided' "$line" ''
is '00/a_test +named .*O is not divided by the row sum' 0
patch 'causal mask' "$line" ''
is '00/a_test +misnamed' 1
patch 'anything' "$line" "$line  // changed"
is '00/a_test +survived' 1
patch 'anything' "    no_such_line();" ''
is '00/a_test +unapplied' 1
patch 'anything' "$line" '    divide_rows(O);'
is '00/a_test +uncompiled' 1
patch 'build: divide_rows' "$line" '    divide_rows(O);'
is '00/a_test +named' 0
patch '' "$line" ''
is '00/a_test +unapplied' 1
exit $status
