"""Runs an op in double precision and keeps its inputs, outputs, upstream gradients and input gradients."""
import json
import re
from dataclasses import dataclass

import numpy as np
import torch

from . import hashing, safetensors


@dataclass(frozen=True)
class Uniform:
    """A hashed input in [low, high), rounded to float so that single-precision kernels start from the same numbers."""

    shape: tuple
    low: float = -1.0
    high: float = 1.0
    grad: bool = True

    def make(self, name):
        unit = (hashing.uniform(name, self.shape) + 1.0) / 2.0
        values = self.low + (self.high - self.low) * unit
        return torch.from_numpy(np.asarray(values, np.float32)).double()


@dataclass(frozen=True)
class Integers:
    """Hashed i64 values in [low, high)."""

    shape: tuple
    low: int
    high: int
    grad: bool = False

    def make(self, name):
        return torch.from_numpy(np.asarray(hashing.integers(name, self.shape, self.high - self.low) + self.low))


@dataclass(frozen=True)
class Given:
    """Values written out in the case."""

    values: object
    grad: bool = True
    dtype: torch.dtype = torch.float64

    def make(self, _):
        return torch.tensor(self.values, dtype=self.dtype)


class Recorder:
    """Collects cases of one file. Names: README.md of tests/goldens."""

    def __init__(self):
        self.tensors, self.metadata = {}, {}

    def put(self, name, tensor):
        assert name not in self.tensors, name
        array = tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)
        self.tensors[name] = np.ascontiguousarray(array).reshape(array.shape)

    def case(self, function, op, name, inputs, **attrs):
        """Records function(*inputs, **attrs) as case `op/name`."""
        key = f"{op}/{name}"
        assert re.fullmatch("[a-z0-9_/]+", key) and key not in self.metadata, key
        self.metadata[key] = json.dumps(attrs, sort_keys=True, allow_nan=False)
        tensors = [spec.make(f"{key}/in{i}") for i, spec in enumerate(inputs)]
        for i, tensor in enumerate(tensors):
            self.put(f"{key}/in{i}", tensor.clone())
        wanted = [t.requires_grad_() for t, spec in zip(tensors, inputs) if spec.grad and t.is_floating_point()]
        outputs = function(*tensors, **attrs)
        outputs = (outputs,) if isinstance(outputs, torch.Tensor) else tuple(outputs)
        upstream = []
        for i, out in enumerate(outputs):
            self.put(f"{key}/out{i}", out)
            if out.requires_grad:
                upstream.append((out, Uniform(tuple(out.shape)).make(f"{key}/dy{i}")))
                self.put(f"{key}/dy{i}", upstream[-1][1])
        if not upstream:
            return
        outs, dys = zip(*upstream)
        for tensor, grad in zip(wanted, torch.autograd.grad(outs, wanted, dys)):
            index = next(i for i, t in enumerate(tensors) if t is tensor)
            self.put(f"{key}/grad{index}", grad)

    def save(self, path):
        safetensors.save(path, self.tensors, self.metadata)
