#!/usr/bin/env bash
# misuses.sh COMPILER [FLAG]...: whether each misuse in misuses.cpp is refused in the words that
# stand beside it, within ten lines of the compiler's output; and whether none of them compiles.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
compile() { "$@" -std=c++20 -fsyntax-only -fmax-errors=1 "-DMISUSE=$misuse" "$here/misuses.cpp"; }

misuse=0
compile "$@"
status=0 found=0
while IFS='|' read -r misuse expected; do
  found=$((found + 1))
  if output=$(compile "$@" 2>&1); then
    echo "misuse $misuse compiles, expected: $expected"
    status=1
  elif ! head -n 10 <<<"$output" | grep -qF "\"$expected"; then
    printf 'misuse %s, expected: %s\n%s\n' "$misuse" "$expected" "$output"
    status=1
  fi
done < <(sed -nE 's/^#(el)?if MISUSE == ([0-9]+) +\/\/ (.*)/\2|\3/p' "$here/misuses.cpp")
if ((found != $(grep -c 'MISUSE ==' "$here/misuses.cpp"))); then
  echo "only $found misuses were read"
  status=1
fi
exit $status
