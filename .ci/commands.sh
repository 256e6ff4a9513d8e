#!/usr/bin/env bash
# Runs every ./ladder command that a page shows, in a code block or within a line, and reports those
# that end with another status than expected. What takes long is only parsed: its words have to be
# in the command's help, and its stage has to exist.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." || exit 2
root=$PWD
folder=$(mktemp -d) # files that commands write stay there
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/docs/results"
failed=0 count=0

# Lines "PAGE:NUMBER:COMMAND" without comments and redirections. Those with a word in capitals, which
# stands for something, or with dots that leave something out, are no commands.
# shellcheck disable=SC2016
commands() {
  git ls-files -z --cached --others --exclude-standard -- '*.md' | xargs -0 awk '
    function show(command) {
      sub(/ +#.*/, "", command)
      sub(/ *[>|;&].*/, "", command)
      sub(/ +$/, "", command)
      gsub(/^\.\/ladder */, "", command)
      if (command ~ /(^| )[A-Z]+( |$)/ && command !~ /\.json/) return
      if (command ~ /…|[.][.][.]|[$]/) return
      print FILENAME ":" FNR ":" command
    }
    /^ *\.\/ladder/ { line = $0; sub(/^ +/, "", line); show(line); next }
    {
      line = $0
      while (match(line, /`\.\/ladder[^`]*`/)) {
        show(substr(line, RSTART + 1, RLENGTH - 2))
        line = substr(line, RSTART + RLENGTH)
      }
    }'
}

complain() {
  printf '%s: ./ladder %s: %s\n' "$place" "$command" "$1"
  failed=$((failed + 1))
}

# expect STATUS [argument]...: runs it, away from the tree.
expect() {
  local status=0
  (cd "$folder" && timeout 100 "$root/ladder" "${@:2}") </dev/null >"$folder/output" 2>&1 || status=$?
  ((status == $1)) && return
  complain "status $status, expected $1"
  tail -n 5 "$folder/output"
}

is_stage() {
  local found=("$root/${1%%/*}"*/attention.h)
  [[ ${#found[@]} == 1 && -e ${found[0]} ]]
}

# parse [argument]...: of a command whose work takes long.
parse() {
  local word help
  help=$("$root/ladder" "$1" --help)
  for word in "${@:2}"; do
    case $word in
      --*) grep -qwF -- "$word" <<<"$help" || complain "$word is not an option of $1" ;;
      [0-9][0-9]*) is_stage "$word" || [[ $word != 0* ]] || complain "$word is no stage" ;;
      *.json) ;;
      *) grep -qwF -- "$word" <<<"$help" || complain "$word is not in the help of $1" ;;
    esac
  done
}

# try [argument]...
try() {
  case $1${2+ STAGE} in
    start | hint | reset | check | predict | diff | timeline) return ;; # the name of a command alone
  esac
  case $1 in
    bench | experiment | test | mistakes | check) parse "$@" ;;
    docs) expect 0 docs --check ;;
    predict) expect 2 "$@" ;; # no answer
    start | hint | reset)
      # A learner's own exercise is left alone.
      [[ -e $mine ]] || { expect 0 start "$2"; [[ $1 == start ]] || expect 0 "$@"; rm -rf "$mine"; }
      ;;
    diff)
      if [[ ${3:-} != --mine ]]; then
        expect 0 "$@"
      elif [[ ! -e $mine ]]; then
        "$root/ladder" start "$2" >"$folder/output"
        expect $(( $# == 4 ? 0 : 2 )) "$@" # it has not passed
        rm -rf "$mine"
      fi
      ;;
    run)
      case "$*" in
        *131072*) expect 2 "$@" ;; # what it would need
        *--input* | *--output*) parse "$@" ;;
        *) expect 0 "$@" --runs 1 ;;
      esac
      ;;
    *) expect 0 "$@" ;;
  esac
}

seen=$'\n'
while IFS=: read -r page line command; do
  [[ $seen != *$'\n'"$command"$'\n'* ]] || continue # once is enough
  seen+=$command$'\n'
  place=$page:$line
  read -ra words <<<"$command"
  ((${#words[@]})) || words=(--help)
  found=("$root/${words[1]:-none}"*/exercise)
  mine=${found[0]}
  count=$((count + 1))
  try "${words[@]}"
done < <(commands)

printf '%d commands, %d failed\n' $count $failed
((count > 20 && failed == 0))
