# Mistakes as patches: sourced by ladder, whose functions and variables these use.
# shellcheck shell=bash disable=SC2154

mistakes=${ATTENTION_MISTAKES:-$root/common/workshop/mistakes}
tried=$build/mistakes
# Of a program that does not end.
mistake_seconds=120

# field PATCH NAME: what stands behind "NAME: " in a patch, further lines of it indented.
field() {
  awk -v name="$2: " '
    /^--- / { exit }
    index($0, name) == 1 { on = 1; text = substr($0, length(name) + 1); next }
    on && /^ / { sub(/^ +/, " "); text = text $0; next }
    { on = 0 }
    END { print text }' "$1"
}

# What a patch is of, from the root: the kernel of its stage, or the step that it names.
kernel_of() {
  local stage of
  stage=$(basename "$(dirname "$1")")
  of=$(field "$1" Of)
  (cd "$root" && echo "$stage"_*/"${of:-attention.h}")
}

# compile_kernel KERNEL FOLDER [backward]: of the copy in FOLDER the program that tries it,
# FOLDER/program; of a forward pass the one that tries it with dropout.
compile_kernel() {
  local stage=${1%%/*} header=${1#*/} program=("${quick[@]}") definitions=() name other="" source=stage.cpp
  name=stage_$stage
  if [[ $header == steps/* ]]; then
    name=${name}_step_$(basename "$header" | cut -d_ -f1)
    program=("${steps[@]}")
    definitions=(-DATTENTION_STEP)
  fi
  if [[ $header == backward.h ]]; then
    other=forward_$stage source=backward.cpp
    definitions=("-DSTAGE_NAME=\"$stage\"")
  elif [[ ${3:-} == backward ]]; then
    other=backward_$stage
  fi
  [[ ! $other ]] || program=("${backward[@]}" "${!other}")
  LC_ALL=C "${compiler[@]}" "${options[@]}" -fmax-errors=1 ${definitions[@]+"${definitions[@]}"} "-DSTAGE=$name" \
    "-DSTAGE_HEADER=\"$header\"" "-I$2" "-I$root/common" -c "$root/common/cmake/$source" \
    -o "$2/kernel.o" && "${compiler[@]: -1}" "${program[@]}" "$2/kernel.o" "${libraries[@]}" -o "$2/program"
}

# message_of OUTPUT EXPECT: what says best what is wrong: the name of the mistake if it has one; else
# of all that is said the first sentence that matches EXPECT; else where it is wrong.
message_of() {
  expect=$2 awk '
    { text = text " " $0 }
    # Sentences of `text`, each on a line, that begin with one of the labels.
    function sentences(of, labels) {
      gsub(" (" labels ")", "\n&", of)
      return of
    }
    END {
      gsub(/ +/, " ", text)
      if (match(text, /looks like:? /)) {
        text = substr(text, RSTART + RLENGTH)
        sub(/(; rms distance| \(on [0-9]+ sequence).*/, "", text)
        print "looks like: " text
        exit
      }
      if (match(text, / (wrong are|values|stopped|fails only) .*/)) {
        where = substr(text, RSTART)
        sub(/ (always fail|1\. [0-9]+ sequence).*/, "", where)
        where = sentences(where, "wrong are|values|stopped|fails only")
      }
      if (match(text, / 1\. [0-9]+ sequence/)) {
        text = substr(text, RSTART)
        if (match(text, /, (f32|bf16|f16)(, causal)? /)) text = substr(text, RSTART + RLENGTH)
        sub(/ 2\. [0-9]+ sequence.*| [0-9][0-9][_\/][a-z0-9_]+: [0-9]+ of [0-9]+ cases fail.*/, "", text)
        sub(/^FAILED: .* rows checked /, "", text)
      }
      text = sentences(text, "HBM|wrong elements|peak on-chip|FLOPs|exponentials|kernel launches|last steps, after")
      count = split(where "\n" text, said, / *\n */)
      for (i = 1; i <= count; ++i) if (said[i] ~ ENVIRON["expect"]) break
      text = i <= count ? said[i] : where ? where : text
      gsub(/\n/, ";", text)
      sub(/^[ ;]+/, "", text)
      print text
    }' "$1"
}

# judge PATCH FOLDER STATUS_OF_THE_PROGRAM: verdict and message, with a tab between.
judge() {
  local expect message verdict
  expect=$(field "$1" Expect)
  message=$(message_of "$2/output" "$expect")
  case $3 in
    0) verdict=survived ;;
    1)
      verdict=unnamed
      if [[ $message == "looks like: "* ]]; then
        verdict=misnamed
        ! grep -qE -- "$expect" <<<"$message" || verdict=named
      elif grep -qE -- "$expect" <<<"$message"; then
        verdict=named
      fi
      ;;
    *) verdict=crashed ;;
  esac
  printf '%s\t%s\n' "$verdict" "$message"
}

# within SECONDS COMMAND: macOS has no timeout.
within() {
  if has timeout; then timeout "$@"; else perl -e 'alarm shift; exec @ARGV' "$@"; fi
}

# try_kernel KERNEL FOLDER [PATCH]: what comes of a kernel, with a mistake or as it is: FOLDER/output,
# and in FOLDER/verdict one of named, unnamed, misnamed, survived, crashed, unapplied, uncompiled.
try_kernel() {
  local copy=$2/${1#*/} log=$2/output expect="" said status=0
  rm -rf "$2"
  mkdir -p "$(dirname "$copy")"
  cp "$root/$1" "$copy"
  if [[ ${3:-} ]]; then
    expect=$(field "$3" Expect)
    if [[ ! $expect ]] || ! patch -s -f -F 0 "$copy" "$3" >"$log" 2>&1; then
      printf 'unapplied\t%s\n' "${expect:+$(head -n 1 "$log")}" >"$2/verdict"
      return
    fi
  fi
  if ! compile_kernel "$1" "$2" "${3:+$(field "$3" Suite)}" >"$log" 2>&1; then
    (cd "$root" && first_error) >"$2/error"
    mv "$2/error" "$log"
    status=uncompiled
    said=$(tr -s ' \n' ' ' <"$log")
    [[ $expect != "build: "* ]] || ! grep -qE -- "${expect#build: }" <<<"$said" || status=named
    printf '%s\t%s\n' $status "$(sed 's/.*error: //' <<<"$said")" >"$2/verdict"
    return
  fi
  within "$mistake_seconds" "$2/program" >"$log" 2>&1 || status=$?
  rm "$2/program" "$2/kernel.o"
  if [[ ${3:-} ]]; then judge "$3" "$2" "$status"; else echo "$status"; fi >"$2/verdict"
}

# The kernels of the patches as they are: where one is rejected, nothing follows from its mistakes.
try_unchanged() {
  local kernel status=0
  for kernel; do
    [[ $(cat "$tried/unchanged/$kernel/verdict") == 0 ]] ||
      { say "mistakes: $kernel is rejected as it is:"; cat "$tried/unchanged/$kernel/output"; status=1; }
  done
  return $status
}

# in_turn COMMAND [argument]...: in the background, as many at a time as there are processors.
in_turn() {
  while (($(jobs -rp | wc -l) >= jobs)); do sleep 0.1; done
  "$@" &
}

# print_verdict PATCH: as a line of the table.
print_verdict() {
  local verdict message
  IFS=$'\t' read -r verdict message <"$tried/${1#"$mistakes"/}/verdict"
  printf '%-36s %-10s %s\n' "${1#"$mistakes"/}" "$verdict" "${message#looks like: }" |
    sed 's/\.patch/      /' | cut -c "1-${COLUMNS:-120}"
}

# sum_up PATCH...: whether all are rejected, none by a wrong name, and 95 % by the right one; of a
# few of them, 85 %.
sum_up() {
  local patch verdict killed=0 named=0 misnamed=0 share=95
  (($# >= 100)) || share=85
  for patch; do
    IFS=$'\t' read -r verdict _ <"$tried/${patch#"$mistakes"/}/verdict"
    case $verdict in named | unnamed | misnamed) killed=$((killed + 1)) ;; esac
    [[ $verdict != named ]] || named=$((named + 1))
    [[ $verdict != misnamed ]] || misnamed=$((misnamed + 1))
  done
  printf '%d mistakes: %d killed, %d named, %d misnamed\n' $# $killed $named $misnamed
  ((killed == $# && misnamed == 0 && 100 * named >= share * $#))
}

# chosen_mistakes EVERY FIRST [STAGE...]: from the first on every n-th patch of the stages, or of all of
# them.
chosen_mistakes() {
  local every=$1 first=$2 stage patches=() i
  for stage in "${@:3}"; do patches+=("$mistakes/${stage%%_*}"/*.patch); done
  (($# > 2)) || patches=("$mistakes"/[0-9][0-9]/*.patch)
  for ((i = first; i < ${#patches[@]}; i += every)); do
    [[ ! -e ${patches[i]} ]] || echo "${patches[i]}"
  done
}

# try_mistakes [--sample N[+K]] [--write] [STAGE...]: every N-th, from number K on, which counts from 0;
# --write writes the pages.
try_mistakes() {
  local every=1 first=0 write="" stages=() stage patches kernels patch kernel status=0
  while (($#)); do
    case $1 in
      --sample)
        [[ ${2:-} =~ ^([1-9][0-9]{0,3})(\+([0-9]{1,3}))?$ ]] ||
          refuse "mistakes: --sample: '${2:-}', expected a number, or N+K for every N-th from the K-th on"
        every=${BASH_REMATCH[1]} first=${BASH_REMATCH[3]:-0}
        shift
        ;;
      --write) write=1 ;;
      *)
        stage=$(find_stage mistakes "$1")
        stages+=("$stage")
        ;;
    esac
    shift
  done
  [[ ! $write ]] || ((every == 1 && ${#stages[@]} == 0)) || refuse "mistakes: --write is for all of them"
  # shellcheck disable=SC2207 # no name has a space
  patches=($(chosen_mistakes "$every" "$first" ${stages[@]+"${stages[@]}"}))
  ((${#patches[@]})) || refuse "mistakes: there are none in $mistakes"
  # shellcheck disable=SC2207,SC2046
  build suite quick steps quick_backward \
    $(cd "$root" && for stage in */backward.h; do echo "${stage%/*}" "${stage%/*}_backward"; done)
  # shellcheck source=/dev/null
  source "$build/common/mistakes.sh"
  # shellcheck disable=SC2207
  kernels=($(for patch in "${patches[@]}"; do kernel_of "$patch"; done | sort -u))
  for kernel in "${kernels[@]}"; do in_turn try_kernel "$kernel" "$tried/unchanged/$kernel"; done
  for patch in "${patches[@]}"; do
    in_turn try_kernel "$(kernel_of "$patch")" "$tried/${patch#"$mistakes"/}" "$patch"
  done
  wait
  for patch in "${patches[@]}"; do print_verdict "$patch"; done
  try_unchanged "${kernels[@]}" || status=1
  sum_up "${patches[@]}" || status=1
  [[ ! $write ]] || ((status)) || write_mistakes "${patches[@]}"
  [[ ! $write ]] || ((!status)) || say "mistakes: the pages stay as they were"
  return $status
}
