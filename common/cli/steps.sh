# Steps as diffs: sourced by ladder, whose functions and variables these use.
# shellcheck shell=bash disable=SC2154

# kernels_of STAGE [_backward]: the kernels from the stage before to this one, each a step from the
# one before it. 06 builds on 03: it has neither the roles of 04 nor the formats of 05.
kernels_of() {
  local stage previous=""
  if [[ ${2:-} ]]; then
    (cd "$root" && ls [0-9][0-9]_*/backward.h) | awk -v last="$1/backward.h" '
      $0 == last { if (before) print before; exit }
      { before = $0 }'
    (cd "$root" && ls "$1"/steps/backward/*.h 2>/dev/null) || :
    echo "$1/backward.h"
    return
  fi
  for stage in "${all_stages[@]}"; do
    [[ $stage != 06_* ]] || previous=03_v2
    [[ $stage != "$1" ]] || break
    previous=$stage
  done
  [[ ! $previous ]] || echo "$previous/attention.h"
  (cd "$root" && ls "$1"/steps/*.h 2>/dev/null) || :
  echo "$1/attention.h"
}

# kernel_diff FROM TO [git diff option]...: without header comments, namespaces, and the titles of
# an exercise's regions.
kernel_diff() {
  local temp
  temp=$(mktemp -d)
  comparable_kernel "$1" >"$temp/from"
  comparable_kernel "$2" >"$temp/to"
  if has git; then
    git --no-pager diff --no-index --no-ext-diff --minimal -w "${@:3}" "$temp/from" "$temp/to"
  else
    diff -wu "$temp/from" "$temp/to"
  fi | sed -n 's/@@ -[0-9,]* +[0-9,]* @@/@@/; /@@/,$p' || :  # names and numbers are those in temp
  rm -r "$temp"
}

# Without what is no kernel: the header, titles of regions, and in an exercise what was to be written.
comparable_kernel() {
  sed -e '1,/^#pragma once/d' -e '/namespace stage_/d' -e '/"tile\/todo.h"/d' "$root/$1" |
    awk '
      /^ *\/\/ \[[1-9]\] / { next }
      /^ *\/\/ Write: / { told = 1 }
      !/^ *\/\// { told = 0 }
      !told'
}

# What the header of a kernel says to look at; otherwise its first line.
what_to_look_at() {
  awk 'NR == 1 { first = $0 }
    sub(/What to look at: /, "") { on = 1 }
    on && !/^\/\/ / { exit }
    on { text = text substr($0, 3) }
    END { print substr(text ? text : substr(first, 3), 2) }' "$root/$1"
}

# "23 added, 7 removed"
size_of_diff() {
  kernel_diff "$1" "$2" --no-color | awk '/^\+/ { ++a } /^-/ { ++r } END { printf "%d added, %d removed", a, r }'
}

# show_steps STAGE           lists its steps
# show_steps STAGE N|last    shows one
show_steps() {
  (($# == 1 || $# == 2)) || refuse "diff: $# arguments, expected a stage, and the number of a step or none"
  local stage pass number file kernels n=${2:-} i colour=--no-color
  find_exercise diff "$1"
  # shellcheck disable=SC2207 # no name has a space
  kernels=($(kernels_of "$stage" "$pass"))
  ((${#kernels[@]} > 1)) || refuse "diff: $number is the first, expected one that builds on another"
  [[ $n != last ]] || n=$((${#kernels[@]} - 1))
  if [[ ! $n ]]; then
    for ((i = 1; i < ${#kernels[@]}; ++i)); do
      printf '%d  %s: %s\n' $i "${kernels[i]}" "$(size_of_diff "${kernels[i - 1]}" "${kernels[i]}")"
      what_to_look_at "${kernels[i]}" | fold -s -w 76 | sed 's/^/   /; s/ *$//'
    done
    return
  fi
  [[ $n == [1-9] && $n -lt ${#kernels[@]} ]] ||
    refuse "diff: '$n' is not a step to $number, expected 1 to $((${#kernels[@]} - 1)), or last"
  [[ ! -t 1 || ${NO_COLOR:-} ]] || colour=--color
  printf '%s -> %s: %s\n' "${kernels[n - 1]}" "${kernels[n]}" "$(size_of_diff "${kernels[n - 1]}" "${kernels[n]}")"
  what_to_look_at "${kernels[n]}" | fold -s -w 80 | sed 's/ *$//'
  kernel_diff "${kernels[n - 1]}" "${kernels[n]}" $colour
}
