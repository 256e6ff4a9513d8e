# The pages about mistakes: sourced by ladder after mistakes.sh, whose functions and variables these use.
# shellcheck shell=bash disable=SC2154

# For a table of Markdown.
cell() { sed 's/|/\\|/g; s/\*/\\*/g; s/</\&lt;/g; s/>/\&gt;/g' <<<"$*"; }

# table_of_mistakes PATCH...
table_of_mistakes() {
  local patch name verdict message source
  echo '# Mistakes, and what the checker says'
  echo
  echo "Each is a small patch of a stage's kernel. \`./ladder mistakes\` applies them one at a time, runs the quick cases, and"
  echo 'compares what they say with what the patch expects; `./ladder mistakes 03` does so for one stage. Those with a source'
  echo 'are from the issues of published kernels. [Find the bug](find_the_bug.md) has ten as puzzles.'
  echo
  echo '| mistake | in words | what the checker says |'
  echo '|---|---|---|'
  for patch; do
    name=${patch#"$mistakes"/}
    IFS=$'\t' read -r verdict message <"$tried/$name/verdict"
    source=$(field "$patch" Source)
    printf '| [%s](../common/workshop/mistakes/%s) | %s | %s |\n' "${name%.patch}" "$name" \
      "$(cell "$(field "$patch" Mistake)${source:+ ($source)}")" "$(cell "$message")"
  done
}

# changed_code PATCH: the kernel with the mistake, a few lines around each change.
changed_code() {
  local kernel
  kernel=$(kernel_of "$1")
  { diff -U4 "$root/$kernel" "$tried/${1#"$mistakes"/}/${kernel#*/}" || :; } |
    sed -e 1,2d -e '/^-/d' -e '3s/^@@.*//' -e 's/^@@.*/ .../' -e 's/^.//' | sed '/./,$!d'
}

# puzzle NUMBER PATCH
puzzle() {
  local name=${2#"$mistakes"/} message source
  IFS=$'\t' read -r _ message <"$tried/$name/verdict"
  source=$(field "$2" Source)
  printf '\n## %d. In %s\n\n```text\n' "$1" "$(kernel_of "$2")"
  sed '/^  looks like/,$d' "$tried/$name/output"
  printf '```\n\n```cpp\n%s\n```\n\n<details><summary>Answer</summary>\n\n' "$(changed_code "$2")"
  printf '%s %s\n' "$(field "$2" Mistake)" "$(field "$2" Answer)"
  printf '\nThe checker says: %s\n' "${message#looks like: }"
  [[ ! $source ]] || printf '\nSeen in %s.\n' "$source"
  printf '\n```diff\n%s\n```\n</details>\n' "$(sed -n '/^@@/,$p' "$2" | sed 's/^@@.*/@@/')"
}

# puzzles PATCH...: those that have a number.
puzzles() {
  local patch number
  echo '# Find the bug'
  echo
  echo 'A mistake in a kernel each, and what the quick cases print of it. Read the symptom first: which cases fail, and which'
  echo 'never do? Then look for the line. The answers are folded; [mistakes](mistakes.md) has many more.'
  for patch; do printf '%s %s\n' "$(field "$patch" Puzzle)" "$patch"; done | grep '^[0-9]' | sort -n |
    while read -r number patch; do puzzle "$number" "$patch"; done
}

# write_mistakes PATCH...: docs/mistakes.md and docs/find_the_bug.md, of what has been tried.
write_mistakes() {
  table_of_mistakes "$@" >"$root/docs/mistakes.md"
  puzzles "$@" >"$root/docs/find_the_bug.md"
}
