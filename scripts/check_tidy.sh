#!/usr/bin/env bash
# Runs clang-tidy, as .clang-tidy says, over the C++ sources named, or over all that ships (the library, the examples, the
# benchmarks) but what is built with CUDA only.
#
#   ./scripts/check_tidy.sh [FILE.cpp...]
#   ./scripts/check_tidy.sh --all   over the tests too, and with the static analyzer, which takes an hour on two cores
source "$(dirname "$0")/lib.sh"

checks=(--checks=-clang-analyzer-*) rooms=(src examples benchmarks)
case ${1:-} in
  --help) print_help; exit 0 ;;
  --all) checks=() rooms=(src examples benchmarks tests); shift ;;
esac
cmake --preset clang >/dev/null || die "could not configure the preset 'clang'"
if [ $# -gt 0 ]; then
  sources=("$@")
else
  mapfile -t sources < <(git ls-files "${rooms[@]}" | grep '\.cpp$' |
    grep -Ev '^(examples/(link_from_cmake|custom_cuda_op)|tests/cuda)/|^benchmarks/resnet50_bytes\.cpp$')
fi
printf '%s\0' "${sources[@]}" |
  xargs -0 -P "$(jobs)" -n 1 clang-tidy -p build-clang --quiet "${checks[@]}" \
    2> >(grep -v 'warnings\? generated\.$' >&2) ||
  die "clang-tidy has findings"
