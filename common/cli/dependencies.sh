# What a build needs, and how to get it: sourced by ladder, whose functions and variables these use.
# shellcheck shell=bash disable=SC2154

has_cmake() {
  has cmake && cmake --version |
    awk 'NR == 1 { split($3, v, ".") } END { exit !(v[1] > 3 || v[1] == 3 && v[2] >= 25) }'
}

has_compiler() {
  echo '#include <concepts>' | "${CXX:-c++}" -std=c++20 -fsyntax-only -x c++ - 2>/dev/null
}

# The Debian packages that are missing: those without which nothing can be built, then the libraries
# that CMake would fetch instead.
missing_tools() {
  has_cmake || echo cmake
  has_compiler || echo g++
  has ninja || has make || echo ninja-build
}
missing_libraries() {
  local package
  has dpkg-query || return 0
  for package in libeigen3-dev libgtest-dev nlohmann-json3-dev; do
    [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || echo "$package"
  done
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}
may_install() {
  has apt-get && { ((EUID == 0)) || { has sudo && sudo -n true 2>/dev/null; }; }
}
install_packages() {
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@")
  say "installing with apt-get: $*"
  as_root "${install[@]}" >>"$log" 2>&1 ||
    { as_root apt-get update && as_root "${install[@]}"; } >>"$log" 2>&1 ||
    say "apt-get could not install them, see $log"
}

# names_for MANAGER PACKAGE...: what another package manager calls Debian's packages.
names_for() {
  local package
  for package in "${@:2}"; do
    case $1:$package in
      brew:g++) ;; # Xcode's
      dnf:g++) echo gcc-c++ ;;
      pacman:g++) echo gcc ;;
      brew:ninja-build | pacman:ninja-build) echo ninja ;;
      dnf:libeigen3-dev) echo eigen3-devel ;;
      *:libeigen3-dev) echo eigen ;;
      dnf:libgtest-dev) echo gtest-devel ;;
      pacman:libgtest-dev) echo gtest ;;
      *:libgtest-dev) echo googletest ;;
      dnf:nlohmann-json3-dev) echo json-devel ;;
      *:nlohmann-json3-dev) echo nlohmann-json ;;
      *) echo "$package" ;;
    esac
  done
}

# how_to_install PACKAGE...: the line to type on this system, from Debian's names.
# shellcheck disable=SC2046
how_to_install() {
  if has apt-get; then
    echo "sudo apt-get install $*"
  elif has brew; then
    echo "xcode-select --install; brew install" $(names_for brew "$@")
  elif has dnf; then
    echo "sudo dnf install" $(names_for dnf "$@")
  elif has pacman; then
    echo "sudo pacman -S" $(names_for pacman "$@")
  else
    echo "on Debian: apt-get install $*"
  fi
}

# shellcheck disable=SC2086 # no name has a space
require_dependencies() {
  local tools libraries
  tools=$(missing_tools)
  libraries=$(missing_libraries)
  if [[ $tools$libraries ]] && may_install; then
    install_packages $tools $libraries
    tools=$(missing_tools)
    libraries=$(missing_libraries)
  fi
  [[ ! $tools ]] ||
    refuse "to build, CMake 3.25, a C++20 compiler and Ninja or make are needed:" \
      "$(how_to_install $tools libeigen3-dev libgtest-dev nlohmann-json3-dev)"
  [[ ! $libraries ]] ||
    say "CMake downloads what this would have installed: $(how_to_install $libraries)"
}
