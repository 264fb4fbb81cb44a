#!/usr/bin/env bash
# Builds Fornax and runs its tests; installs the Debian packages that are missing (as root or by sudo).
#
#   ./scripts/test.sh                Release build in build/ and all tests; the CUDA backend on a simulated device and
#                                    its tests; where nvcc is, its kernels and what NVIDIA's libraries say of them
#   ./scripts/test.sh --build-only   only the builds
#   ./scripts/test.sh --asan         the tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   ./scripts/test.sh --ubsan        the tests under UndefinedBehaviorSanitizer alone
#   ./scripts/test.sh --tsan         the tests under ThreadSanitizer
#   ./scripts/test.sh --full         everything: these, the sanitizer runs of the CPU and of the simulated device, which
#                                    then also checks every access, is built without the toolkit's headers, and must
#                                    find each planted bug (scripts/check_planted.py), CUDA for all architectures, the
#                                    shared library, fuzzing, format, clang-tidy, headers
#   ./scripts/test.sh --only STAGE...  these stages of --full, as its table names them: to see mended ones again
#   ./scripts/test.sh --help         this text
#
# --build-only may be joined with one of the sanitizers. A table of the stages comes at the end. What needs a GPU is in
# scripts/gpu_check.sh.
source "$(dirname "$0")/lib.sh"

run_tests() {
  local launcher=()
  # The ThreadSanitizer of GCC 12 cannot place its memory when the kernel randomises more than 28 bits.
  if [ "$1" = tsan ] && [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ]; then
    launcher=(setarch "$(uname -m)" -R)
  fi
  "${launcher[@]}" ctest --preset "$1" --parallel "$(nproc)"
}

# build_and_test PRESET
build_and_test() { build "$1" && { [ "$build_only" = yes ] || run_tests "$1"; }; }

# For a stage that cannot run here.
skipped=77
skip() { printf '\n!! SKIPPED: %s\n' "$*" >&2; return "$skipped"; }

stage_tests() { build_and_test default; }
stage_sim() {
  # Tests that take long are for this flavour of --full alone.
  [[ $mode != @(full|only) ]] || export FORNAX_FULL_TESTS=1
  build_and_test sim
}
stage_nvidia() {
  have_nvcc || { skip "no nvcc here: CUDA kernels were compiled for the simulated device only"; return; }
  build cuda fornax fornax_nvidia_tests &&
    { [ "$build_only" = yes ] || ctest --preset cuda -L nvidia --parallel "$(nproc)"; }
}
stage_cuda() {
  have_nvcc || { skip "no nvcc here: CUDA kernels were compiled for the simulated device only"; return; }
  build cuda && scripts/check_cuda.sh
}
stage_sim-tracked() { build_and_test sim-tracked; }
stage_sim-asan() { build_and_test sim-asan; }
stage_sim-own-headers() { build_and_test sim-own-headers; }
stage_planted() { scripts/check_planted.py --jobs "$(jobs)"; }
stage_asan() { build_and_test asan; }
stage_ubsan() { build_and_test ubsan; }
stage_tsan() { build_and_test tsan; }
stage_shared() { build_and_test shared; }
stage_fuzz() { build clang fornax fuzzers && run_tests fuzz; }
stage_format() { scripts/check_format.sh; }
stage_tidy() { scripts/check_tidy.py; }
stage_headers() { scripts/check_headers.sh; }

# run_stages STAGE...
run_stages() {
  local stage status code failures=0 table=""
  for stage in "$@"; do
    say "$stage"
    SECONDS=0
    code=0
    # A subshell of its own: whatever ends a stage, the next one runs.
    ("stage_$stage") || code=$?
    case $code in
      0) status=PASS ;;
      "$skipped") status=SKIP ;;
      *) status=FAIL; failures=$((failures + 1)) ;;
    esac
    table+=$(printf '%-16s %s %6d s' "$stage" "$status" "$SECONDS")$'\n'
  done
  say "Summary"
  printf '%s' "$table"
  [ "$failures" = 0 ] || die "$failures of the stages failed"
}

full_stages=(tests sim nvidia sim-tracked sim-asan sim-own-headers planted cuda asan tsan shared fuzz format tidy
             headers)
mode=default
build_only=no
only=()
while [ $# -gt 0 ]; do
  argument=$1
  shift
  case $argument in
    --build-only) build_only=yes ;;
    --asan | --ubsan | --tsan | --full)
      [ "$mode" = default ] || die "one of --asan, --ubsan, --tsan, --full at a time"
      mode=${argument#--} ;;
    --only)
      [ "$mode" = default ] && [ $# -gt 0 ] || die "--only takes stages of --full, and no other option: ${full_stages[*]}"
      mode=only
      for stage in "$@"; do
        [[ " ${full_stages[*]} " == *" $stage "* ]] || die "expected stages of --full (${full_stages[*]}), got '$stage'"
      done
      only=("$@")
      break ;;
    --help) print_help; exit 0 ;;
    *) die "unknown option '$argument' (see --help)" ;;
  esac
done
[[ $mode$build_only != @(full|only)yes ]] || die "--build-only goes with neither --full nor --only"

require_packages "${build_packages[@]}"
case $mode in
  default) run_stages tests sim nvidia ;;
  full)
    require_packages "${check_packages[@]}"
    run_stages "${full_stages[@]}" ;;
  only)
    require_packages "${check_packages[@]}"
    run_stages "${only[@]}" ;;
  *) run_stages "$mode" ;;
esac
