#!/usr/bin/env python3
"""Checks that PyTorch reads what fornax::io::save_torch writes: that torch.load() gives of tests/goldens/torch_saved.pt,
which a test holds save_torch to byte by byte, what it gives of torch_state_dict.pt, which PyTorch wrote.

    scripts/check_torch_load.py                              # those two
    scripts/check_torch_load.py saved.pt state_dict.pt       # any two files of state dicts
"""
import inspect
import pathlib
import sys
from collections import OrderedDict

import torch


def load(path):
    """As plainly as this PyTorch can: weights_only where it has it."""
    options = {"weights_only": True} if "weights_only" in inspect.signature(torch.load).parameters else {}
    return torch.load(path, map_location="cpu", **options), options


def main():
    goldens = pathlib.Path(__file__).resolve().parent.parent / "tests" / "goldens"
    saved_path, path = sys.argv[1:] or (goldens / "torch_saved.pt", goldens / "torch_state_dict.pt")
    saved, options = load(saved_path)
    expected, _ = load(path)
    assert type(saved) is OrderedDict, type(saved)
    assert list(saved) == list(expected), (list(saved), list(expected))
    for name, tensor in expected.items():
        assert type(saved[name]) is torch.Tensor and saved[name].is_contiguous(), name
        assert saved[name].dtype == tensor.dtype and saved[name].shape == tensor.shape, name
        assert torch.equal(saved[name], tensor.detach()), name
    print(f"PyTorch {torch.__version__} {options or ''}: {len(saved)} tensors of {saved_path} are those of {path}")


if __name__ == "__main__":
    main()
