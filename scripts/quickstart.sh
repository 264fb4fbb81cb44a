#!/usr/bin/env bash
# Trains ResNet-50 on Fashion-MNIST: installs the Debian packages that are missing (as root or by sudo), builds what
# has changed, and runs build/bin/train_resnet50. It uses a GPU if one works, else the CPU, and says which.
#
#   ./scripts/quickstart.sh [--small] [--build-only] [OPTION...]
#
#   --small        a try of about a minute: a quarter of the channels, one epoch
#   --build-only   install and build, do not train
#   --help         this text, and the options of train_resnet50
#
# Every other option goes to train_resnet50 (--epochs N, --threads N, ...). The data is the Debian package
# dataset-fashion-mnist; runs are left in runs/. The last line is: test_accuracy=0.8712 run=runs/...
source "$(dirname "$0")/lib.sh"

program=build/bin/train_resnet50
options=()
train=yes
help=no
for argument in "$@"; do
  case $argument in
    --small) options+=(--width 0.25 --epochs 1) ;;
    --build-only) train=no ;;
    --help) help=yes ;;
    *) options+=("$argument") ;;
  esac
done

if [ "$help" = yes ]; then
  print_help
  [ ! -x "$program" ] || { say "$program"; exec "$program" --help; }
  exit 0
fi
require_packages "${build_packages[@]}"
build default train_resnet50
[ "$train" = no ] || exec "$program" "${options[@]}"
