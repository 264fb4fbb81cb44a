#!/usr/bin/env bash
# Compiles the CUDA kernels and the runtime against the headers of CUDA 12.0, kernels for sm_70 (V100), which CUDA 13 has
# dropped: by clang, since that nvcc is not packaged. Needs pip, and clang-19 (installed if missing); the headers go to
# build-cuda12/.
#
#   ./scripts/check_cuda12.sh [FILE.cu|FILE.cpp...]
source "$(dirname "$0")/lib.sh"

[ "${1:-}" != --help ] || { print_help; exit 0; }
require_packages clang-19 python3-pip
export toolkit=build-cuda12/toolkit

if [ ! -e "$toolkit/version.json" ]; then
  mkdir -p "$toolkit"
  for part in runtime nvcc cccl; do
    python3 -m pip download --quiet --no-deps --dest build-cuda12 "nvidia-cuda-$part-cu12==12.0.*" ||
      die "could not download the headers of CUDA 12.0"
  done
  for wheel in build-cuda12/*.whl; do python3 -m zipfile -e "$wheel" build-cuda12/wheels; done
  cp -r build-cuda12/wheels/nvidia/cuda_*/{include,nvvm} "$toolkit/" 2>/dev/null || true # each has its own of them
  mkdir -p "$toolkit/bin"
  echo '{"cuda": {"version": "12.0.1"}}' >"$toolkit/version.json"
fi

compile() {
  # libstdc++ 12 calls what it deprecates; a loop that clang does not unroll is no matter of source.
  local flags=(-std=c++20 -Icuda -Isrc -Iinclude -Wall -Wextra -Werror -Wno-missing-field-initializers
    -Wno-deprecated-declarations -Wno-unknown-cuda-version -Wno-pass-failed)
  case $1 in
    *.cu) flags+=(-x cuda "--cuda-path=$toolkit" --cuda-gpu-arch=sm_70)
      # Machine code for the device is left out: clang would need the kernel table, which is host code, in it.
      clang++-19 "${flags[@]}" --cuda-host-only -fsyntax-only "$1" &&
        clang++-19 "${flags[@]}" --cuda-device-only -O1 -S "$1" -o /dev/null ;;
    *) clang++-19 "${flags[@]}" -isystem "$toolkit/include" -DFORNAX_HAS_CUDA -fsyntax-only "$1" ;;
  esac
}
export -f compile

if [ $# -gt 0 ]; then
  sources=("$@")
else
  mapfile -t sources < <(git ls-files 'cuda/ops/*.cu' 'cuda/runtime/*.cpp')
fi
printf '%s\0' "${sources[@]}" | xargs -0 -P "$(jobs)" -I '{}' bash -c 'compile "$1"' _ '{}' ||
  die "not source-compatible with CUDA 12.0"
echo "${#sources[@]} files compile with CUDA 12.0 for sm_70."
