# Shared by the scripts of this directory: sourced, not run. Leaves the caller in the root of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# The comment at the head of the calling script is its help.
print_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

# One compiler per core, but no more than the memory holds: the largest files need about 1 GB each.
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  echo $((memory >= cores ? cores : memory > 1 ? memory : 1))
}

build_packages=(cmake ninja-build ccache g++ libeigen3-dev libfmt-dev nlohmann-json3-dev libcli11-dev zlib1g-dev
                libjpeg62-turbo-dev libpng-dev libzip-dev libhdf5-dev libgtest-dev libgmock-dev python3
                dataset-fashion-mnist)
check_packages=(clang clang-format clang-tidy libclang-rt-dev llvm binutils)

# require_packages PACKAGE...: installs those that are missing, and touches nothing when none is.
require_packages() {
  command -v dpkg-query >/dev/null || { echo "Not a Debian system: taking the dependencies as they are."; return; }
  local package missing=() as_root=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "run as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || die "apt-get update failed"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
    die "could not install ${missing[*]}"
}

# True where there is a CUDA compiler.
have_nvcc() { command -v nvcc >/dev/null; }

# Files that several builds compile alike are compiled once: ccache must not tell their directories apart.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1

# build PRESET [TARGET...]: configures and builds what has changed (everything when no target is named).
build() {
  local preset=$1 output
  shift
  output=$(cmake --preset "$preset" 2>&1) || { echo "$output" >&2; die "could not configure the preset '$preset'"; }
  cmake --build --preset "$preset" --parallel "$(jobs)" ${1:+--target "$@"}
}
