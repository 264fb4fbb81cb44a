#!/usr/bin/env bash
# Builds Fornax and runs its tests; installs the Debian packages that are missing (as root or by sudo).
#
#   ./scripts/test.sh                Release build in build/, all tests, ctest's summary at the end
#   ./scripts/test.sh --build-only   only the build
#   ./scripts/test.sh --asan         the tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   ./scripts/test.sh --ubsan        the tests under UndefinedBehaviorSanitizer alone
#   ./scripts/test.sh --tsan         the tests under ThreadSanitizer
#   ./scripts/test.sh --full         everything: the tests, both sanitizer runs, the shared library, fuzzing,
#                                    format, clang-tidy, headers; a table of the stages at the end
#   ./scripts/test.sh --help         this text
#
# --build-only may be joined with one of the sanitizers.
source "$(dirname "$0")/lib.sh"

run_tests() {
  local launcher=()
  # The ThreadSanitizer of GCC 12 cannot place its memory when the kernel randomises more than 28 bits.
  if [ "$1" = tsan ] && [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ]; then
    launcher=(setarch "$(uname -m)" -R)
  fi
  "${launcher[@]}" ctest --preset "$1" --parallel "$(nproc)"
}

stage_tests() { build default && run_tests default; }
stage_asan() { build asan && run_tests asan; }
stage_tsan() { build tsan && run_tests tsan; }
stage_shared() { build shared && run_tests shared; }
stage_fuzz() { build clang fornax fuzzers && run_tests fuzz; }
stage_format() { scripts/check_format.sh; }
stage_tidy() { scripts/check_tidy.sh; }
stage_headers() { scripts/check_headers.sh; }

run_full() {
  local stage status failures=0 table=""
  for stage in tests asan tsan shared fuzz format tidy headers; do
    say "$stage"
    SECONDS=0
    # A subshell of its own: whatever ends a stage, the next one runs.
    if ("stage_$stage"); then status=PASS; else status=FAIL; failures=$((failures + 1)); fi
    table+=$(printf '%-10s %s %6d s' "$stage" "$status" "$SECONDS")$'\n'
  done
  say "Summary"
  printf '%s' "$table"
  [ "$failures" = 0 ] || die "$failures of the stages failed"
}

mode=default
build_only=no
for argument in "$@"; do
  case $argument in
    --build-only) build_only=yes ;;
    --asan | --ubsan | --tsan | --full)
      [ "$mode" = default ] || die "one of --asan, --ubsan, --tsan, --full at a time"
      mode=${argument#--} ;;
    --help) print_help; exit 0 ;;
    *) die "unknown option '$argument' (see --help)" ;;
  esac
done
[ "$mode$build_only" != fullyes ] || die "--full and --build-only exclude each other"

require_packages "${build_packages[@]}"
if [ "$mode" = full ]; then
  require_packages "${check_packages[@]}"
  run_full
else
  build "$mode"
  [ "$build_only" = yes ] || run_tests "$mode"
fi
