#!/usr/bin/env bash
# Proves the CUDA backend on this machine's GPU: builds it for that GPU, runs the device's tests, compute-sanitizer and
# the benchmarks, and leaves results.json and results.md. Without a GPU it says so and does nothing.
#
#   ./scripts/gpu_check.sh [--out DIR]        results go to DIR; runs/gpu_check if not given
#   ./scripts/gpu_check.sh --quick            benchmarks and sanitizer on less work
#   ./scripts/gpu_check.sh --sim              exercises this script on the simulated device; its times mean nothing
#   ./scripts/gpu_check.sh --help             this text
source "$(dirname "$0")/lib.sh"

out=runs/gpu_check preset=cuda build=build-gpu label=gpu quick=no
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:?--out needs a directory}; shift ;;
    --quick) quick=yes ;;
    --sim) preset=sim build=build-sim label=sim quick=yes ;;
    --help) print_help; exit 0 ;;
    *) die "unknown option '$1' (see --help)" ;;
  esac
  shift
done

device="the simulated device"
if [ "$preset" = cuda ]; then
  if ! device=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1) || [ -z "$device" ]; then
    printf '\n!! NO GPU HERE: nothing was built, tested or measured (nvidia-smi: %s)\n' "${device:-no device}" >&2
    exit 0
  fi
  have_nvcc || die "there is a GPU ($device), but no nvcc: install the CUDA Toolkit, or put its bin/ into PATH"
fi
say "On $device"
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/{steps.tsv,results.json,results.md,ops_*.json,resnet50_*.json}
programs=$build/bin

# note STEP STATUS SECONDS DETAIL
note() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$out/steps.tsv"; printf '%-28s %s %s\n' "$1" "$2" "$4"; }

# step NAME COMMAND...: runs it into NAME.log and notes how it ended. A failure does not stop the next step.
step() {
  local name=$1 code=0
  shift
  say "$name"
  SECONDS=0
  "$@" >"$out/$name.log" 2>&1 || code=$?
  if [ "$code" = 0 ]; then
    note "$name" PASS "$SECONDS" "$(tail -n 1 "$out/$name.log" | cut -c 1-100)"
  else
    tail -n 20 "$out/$name.log" >&2
    note "$name" FAIL "$SECONDS" "exit code $code, see $name.log"
  fi
  return 0
}

build_all() {
  local options=()
  [ "$preset" = sim ] || options=(-B "$build" -DCMAKE_CUDA_ARCHITECTURES=native)
  cmake --preset "$preset" "${options[@]}" &&
    cmake --build "$build" --parallel "$(jobs)" --target fornax_cuda_tests op_bench resnet50_bench
}
step build build_all
[ -x "$programs/fornax_cuda_tests" ] || die "it was not built, see $out/build.log"

# One at a time, as there is one device. A test that skips itself did not find it.
device_tests() {
  ctest --test-dir "$build" -L "$label" --no-tests=error --output-on-failure --output-log "$out/ctest.log" &&
    { ! grep -q '\*\*\*Skipped' "$out/ctest.log" || { echo "tests found no device, though nvidia-smi did"; return 1; }; }
}

# Kernels of all kinds, on little data: what a sanitizer, which is slow, can finish.
some_tests='CudaRuntime.*:CudaOptimStep.*:CudaRows.*:CudaEmbedding.*:CudaPool*'
if [ "$preset" = sim ]; then
  step tests ctest --test-dir "$build" -L "$label" -R '^CudaRuntime' --no-tests=error --output-on-failure
else
  step tests device_tests
  [ "$quick" = yes ] || some_tests+=':Cases/CudaOp.*:CudaTraining.*'
fi

for tool in memcheck racecheck initcheck synccheck; do
  if [ "$preset" = sim ]; then
    note "$tool" SKIP 0 "the simulated device checks itself"
  elif ! command -v compute-sanitizer >/dev/null; then
    note "$tool" SKIP 0 "compute-sanitizer is not in PATH"
  else
    step "$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$programs/fornax_cuda_tests" --gtest_brief=1 --gtest_filter="$some_tests"
  fi
done

# bench NAME PROGRAM OPTION...: NAME.json
bench() {
  local name=$1 program=$programs/$2
  shift 2
  step "$name" "$program" --device cuda "$@" --json "$out/$name.json"
}

op_options=(--batch 32) resnet_options=(--batch 128 --size 224 --seconds 20)
[ "$quick" = no ] || resnet_options=(--batch 32 --size 224 --seconds 2)
if [ "$preset" = sim ]; then
  op_options=(--filter clone --batch 1 --seconds 0)
  resnet_options=(--batch 4 --size 32 --width 0.125 --seconds 0)
fi
for dtype in f32 f16; do bench "ops_$dtype" op_bench --dtype "$dtype" "${op_options[@]}"; done
for dtype in f32 bf16 f16; do bench "resnet50_$dtype" resnet50_bench --mode train --dtype "$dtype" "${resnet_options[@]}"; done

say "Results"
python3 -B scripts/gpu_report.py "$out" "$device" "$(git describe --always --dirty 2>/dev/null || echo unknown)"
echo "They are in $out/results.json and $out/results.md"
! grep -q $'\tFAIL\t' "$out/steps.tsv" || die "some of the steps failed"
