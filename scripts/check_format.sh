#!/usr/bin/env bash
# Checks that every C++ file of the repository is formatted as .clang-format says.
#
#   ./scripts/check_format.sh          lists what is not, and fails
#   ./scripts/check_format.sh --fix    formats it
source "$(dirname "$0")/lib.sh"

case ${1:-} in
  "") action=(--dry-run -Werror) ;;
  --fix) action=(-i) ;;
  --help) print_help; exit 0 ;;
  *) die "unknown option '$1' (see --help)" ;;
esac
git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format "${action[@]}" || die "run scripts/check_format.sh --fix"
