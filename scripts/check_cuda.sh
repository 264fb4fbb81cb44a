#!/usr/bin/env bash
# Compiles the CUDA kernels for all architectures, every warning an error, and holds what each kernel takes (registers,
# spills, shared memory) against cuda/kernel_limits.txt. A kernel beyond its limits fails by name.
#
#   ./scripts/check_cuda.sh                 all kernels; scripts/cuda_resources.py prints what came out again
#   ./scripts/check_cuda.sh FILE.cu...      only these
#   ./scripts/check_cuda.sh --help          this text
source "$(dirname "$0")/lib.sh"

[ "${1:-}" != --help ] || { print_help; exit 0; }
have_nvcc || die "there is no nvcc here"

architectures=(75 80 86 89 90 100 120)
export logs=build-cuda-all # by file: the object, and what the compiler said

compile() {
  local source=$1 name flags=(-std=c++20 --expt-relaxed-constexpr -O3 -DNDEBUG -Icuda -Isrc -Iinclude
    -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Werror,-Wno-missing-field-initializers,-Wno-restrict,-fPIC -Xptxas=-v)
  shift
  name=$logs/$(basename "$source" .cu)
  for architecture in "$@"; do
    flags+=("--generate-code=arch=compute_$architecture,code=sm_$architecture")
  done
  if ! $(command -v ccache) nvcc "${flags[@]}" -c "$source" -o "$name.o" >"$name.log" 2>&1; then
    grep -Ev '^(ptxas )?info|^ +[0-9]+ bytes stack' "$name.log" >&2
    echo "$source does not compile" >&2
    return 1
  fi
}
export -f compile

mkdir -p "$logs"
if [ $# -gt 0 ]; then sources=("$@"); else mapfile -t sources < <(git ls-files 'cuda/ops/*.cu'); fi
[ $# -gt 0 ] || rm -f "$logs"/*.log # of files that are no more
printf '%s\0' "${sources[@]}" |
  xargs -0 -P "$(jobs)" -I '{}' bash -c 'compile "$@"' _ '{}' "${architectures[@]}" || die "kernels do not compile"
logs_of_sources=()
for source in "${sources[@]}"; do logs_of_sources+=("$logs/$(basename "$source" .cu).log"); done
python3 -B scripts/cuda_resources.py cuda/kernel_limits.txt "${logs_of_sources[@]}"
