"""Softmax and its logarithm."""
import math

import torch.nn.functional as F

from .recorder import Given, Recorder, Uniform

inf = math.inf


def record():
    r = Recorder()
    softmaxes(r)
    return r


def softmaxes(r):
    for function, op in ((F.softmax, "softmax"), (F.log_softmax, "log_softmax")):
        for name, axis in (("first", 0), ("middle", 1), ("last", -1)):
            r.case(function, op, name, [Uniform((3, 5, 7), -4, 4)], dim=axis)
        r.case(function, op, "wide", [Uniform((3, 261), -4, 4)], dim=1)
        r.case(function, op, "one", [Uniform((3, 1), -4, 4)], dim=1)
        r.case(function, op, "empty", [Uniform((0, 5))], dim=1)
        r.case(function, op, "large", [Given([[1000.0, 999.0, -1000.0], [-1000.0, -1001.0, -999.0]])], dim=1)
        r.case(function, op, "masked", [Given([[0.5, -inf, 1.0]], grad=False)], dim=1)
