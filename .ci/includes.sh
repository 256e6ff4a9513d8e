#!/usr/bin/env bash
# Arrows between the folders of common/ point down only, and a lesson includes the vocabulary and the
# problem alone. Prints the #include lines that break this.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

git grep -nE '^ *# *include "[^"]*/' -- '*.h' '*.cpp' | awk -F'"' '
  BEGIN {
    may["lesson"] = "attention tile"
    may["tile"] = "tile"
    may["tile/cpu"] = "tile/cpu tile"
    may["attention"] = "attention tile"
    may["check"] = "check attention tile"
    may["diagnosis"] = "diagnosis check attention tile"
    may["stages"] = "stages attention tile tile/cpu"
    may["io"] = "io attention tile"
    may["model"] = "model stages check attention tile tile/cpu"
    may["report"] = "report check attention tile"
    may["bench"] = "bench model stages report io diagnosis check attention tile tile/cpu"
    may["workshop"] = "workshop attention tile"
    may["worked"] = "worked report check attention tile"
    may["drawing"] = "drawing " may["model"]
    may["pictures"] = "pictures drawing worked report " may["model"]
    may["cli"] = "cli workshop drawing " may["bench"]
    may["pages"] = "pages pictures worked " may["cli"]
  }
  function folder(path) {
    sub(/^common\//, "", path)
    if (path ~ /^[0-9]+_[^\/]*\/.*\.h$/) return "lesson"
    if (path ~ /^tile\/[^\/]*\//) return "tile/cpu"
    sub(/\/.*/, "", path)
    return path
  }
  {
    file = $1
    sub(/:.*/, "", file)
    from = folder(file)
    if (!(from in may)) next  # testing/, and the tests of a stage
    allowed = may[from]
    if (file ~ /_test\.cpp$/) allowed = allowed " check tile/cpu testing"
    if (from == "check" && $2 ~ /^tile\/cpu\/parallel\.h$/) next
    if (index(" " allowed " ", " " folder($2) " ")) next
    print $0 ": " from " may include " allowed
    bad = 1
  }
  END { exit bad }'
