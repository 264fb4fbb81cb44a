#!/usr/bin/env bash
# Runs clang-tidy, as .clang-tidy says, over the C++ sources named, or over all of the repository but what is built
# with CUDA only.
#
#   ./scripts/check_tidy.sh [FILE.cpp...]
source "$(dirname "$0")/lib.sh"

[ "${1:-}" != --help ] || { print_help; exit 0; }
cmake --preset clang >/dev/null || die "could not configure the preset 'clang'"
[ $# -gt 0 ] || mapfile -t sources < <(git ls-files '*.cpp' ':!examples/link_from_cmake' ':!cuda' ':!tests/cuda' \
  ':!examples/custom_cuda_op' ':!benchmarks/resnet50_bytes.cpp')
printf '%s\0' "${@:-${sources[@]}}" |
  xargs -0 -P "$(jobs)" -n 1 clang-tidy -p build-clang --quiet 2> >(grep -v 'warnings\? generated\.$' >&2) ||
  die "clang-tidy has findings"
