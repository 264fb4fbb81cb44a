#!/usr/bin/env bash
# Checks that each public header compiles alone, without a warning and with no flag but the include directory, and
# that a file which includes all of them compiles in less than 4 seconds (of processor time, the best of three).
source "$(dirname "$0")/lib.sh"

[ "${1:-}" != --help ] || { print_help; exit 0; }
limit_ms=4000

# include HEADER FLAG...: compiles a file that includes it.
include() {
  local header=$1
  shift
  echo "#include \"$header\"" | g++ -std=c++20 -Iinclude -Wall -Wextra -Wpedantic -Wshadow -Wno-missing-field-initializers -Werror "$@" -x c++ -
}

cd include
headers=(fornax/*.h fornax/*/*.h)
cd ..
for header in "${headers[@]}"; do
  include "$header" -fsyntax-only || die "$header does not compile alone"
done
echo "${#headers[@]} public headers compile alone"

TIMEFORMAT='%3U %3S'
best_ms=
for _ in 1 2 3; do
  read -r user system < <({ time include fornax/fornax.h -O2 -c -o /dev/null; } 2>&1)
  ms=$((10#${user/./} + 10#${system/./}))
  [ -n "$best_ms" ] && [ "$best_ms" -le "$ms" ] || best_ms=$ms
done
echo "a file that includes fornax/fornax.h compiles in $best_ms ms (limit $limit_ms)"
[ "$best_ms" -lt "$limit_ms" ] || die "fornax/fornax.h has become too heavy"
