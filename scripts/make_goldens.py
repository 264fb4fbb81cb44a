#!/usr/bin/env python3
"""Writes tests/goldens/*.safetensors: what PyTorch computes, for the C++ tests to be held against.

Needs PyTorch 1.13 and NumPy only (Debian 12: apt-get install python3-torch libopenblas0-pthread; without OpenBLAS it
takes ten times as long) and, for transforms, torchvision 0.14 (python3-torchvision). Two runs on one machine give the
same bytes. What the files hold is told in tests/goldens/README.md.

    scripts/make_goldens.py                # all of them
    scripts/make_goldens.py ops_reduce     # one
"""
import argparse
import importlib
import os
import pathlib

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # sums keep their order
import torch  # noqa: E402

FILES = ["ops_elementwise", "ops_reduce", "ops_softmax", "ops_loss", "ops_matmul", "ops_conv", "ops_pool", "ops_norm",
         "ops_shape", "ops_image", "optimizers", "randoms", "transforms", "images", "models", "models_v1",
         "models_vgg_mobilenet", "torch_files"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES, metavar="file", help=", ".join(FILES))
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests" / "goldens")
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.files:
        path = args.out / f"{name}.safetensors"
        importlib.import_module(f"goldens.{name}").record().save(path)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
