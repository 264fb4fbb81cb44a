"""Reductions."""
import math

import torch

from .recorder import Given, Integers, Recorder, Uniform

inf, nan = math.inf, math.nan

SHAPE = (3, 2, 5, 7)
AXES = {"first": [0], "last": [-1], "middle": [1], "outer": [0, 2, 3], "inner": [-2, -1], "split": [1, 3],
        "all": [0, 1, 2, 3]}


def record():
    r = Recorder()
    sums(r)
    extremes(r)
    norms(r)
    return r


def sums(r):
    for name, axes in AXES.items():
        for keepdim in (False, True):
            case = f"{name}{'_keepdim' if keepdim else ''}"
            x = [Uniform(SHAPE)]
            r.case(torch.sum, "sum", case, x, dim=axes, keepdim=keepdim)
            r.case(torch.mean, "mean", case, x, dim=axes, keepdim=keepdim)
            r.case(torch.logsumexp, "logsumexp", case, [Uniform(SHAPE, -4, 4)], dim=axes, keepdim=keepdim)
            for unbiased in (False, True):
                bias = "unbiased" if unbiased else "biased"
                r.case(torch.var, "var", f"{case}_{bias}", x, dim=axes, unbiased=unbiased, keepdim=keepdim)
    long = [Uniform((261,))]
    r.case(torch.sum, "sum", "vector_tail", long, dim=[0], keepdim=False)
    r.case(torch.sum, "sum", "wide_rows", [Uniform((2, 261))], dim=[1], keepdim=False)
    r.case(torch.sum, "sum", "wide_columns", [Uniform((261, 3))], dim=[0], keepdim=False)
    r.case(torch.sum, "sum", "over_nothing", [Uniform((0, 3))], dim=[0], keepdim=False)
    r.case(torch.sum, "sum", "of_no_rows", [Uniform((0, 3))], dim=[1], keepdim=False)
    r.case(torch.sum, "sum", "int64", [Integers((4, 5), -9, 10)], dim=[1], keepdim=False)
    r.case(torch.mean, "mean", "over_nothing", [Uniform((0, 3), grad=False)], dim=[0], keepdim=False)
    r.case(torch.var, "var", "far_from_zero", [Uniform((5, 33), 1000, 1001)], dim=[1], unbiased=True, keepdim=False)
    r.case(torch.var, "var", "of_one_unbiased", [Uniform((3, 1), grad=False)], dim=[1], unbiased=True, keepdim=False)
    r.case(torch.logsumexp, "logsumexp", "large", [Given([[1000.0, 999.0, -1000.0], [-1000.0, -1001.0, -999.0]])],
           dim=[1], keepdim=False)
    r.case(torch.logsumexp, "logsumexp", "masked", [Given([[0.5, -inf, 1.0], [-inf, -inf, -inf]], grad=False)],
           dim=[1], keepdim=False)


def extremes(r):
    for name, axes in AXES.items():
        for keepdim in (False, True):
            case = f"{name}{'_keepdim' if keepdim else ''}"
            r.case(torch.amax, "amax", case, [Uniform(SHAPE)], dim=axes, keepdim=keepdim)
            if len(axes) == 1:
                r.case(torch.max, "max", case, [Uniform(SHAPE)], dim=axes[0], keepdim=keepdim)
                r.case(torch.argmax, "argmax", case, [Uniform(SHAPE)], dim=axes[0], keepdim=keepdim)
    ties = [Given([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]])]
    r.case(torch.amax, "amax", "splits_the_gradient_at_ties", ties, dim=[1], keepdim=False)
    r.case(torch.argmax, "argmax", "first_of_ties", ties, dim=1, keepdim=False)
    r.case(torch.max, "max", "first_of_ties", ties, dim=1, keepdim=False)
    with_nan = [Given([[1.0, nan, 3.0], [2.0, 4.0, -inf]], grad=False)]
    r.case(torch.amax, "amax", "propagates_nan", with_nan, dim=[1], keepdim=False)
    r.case(torch.argmax, "argmax", "finds_nan", with_nan, dim=1, keepdim=False)
    r.case(torch.max, "max", "propagates_nan", with_nan, dim=1, keepdim=False)


def norms(r):
    def norm(x, p, dim, keepdim):
        return torch.linalg.vector_norm(x, float(p), dim, keepdim)

    for p in ("1", "2", "3", "inf"):
        for name in ("last", "outer", "all"):
            for keepdim in (False, True):
                case = f"p{p}_{name}{'_keepdim' if keepdim else ''}"
                r.case(norm, "norm", case, [Uniform(SHAPE)], p=p, dim=AXES[name], keepdim=keepdim)
    r.case(norm, "norm", "p2_at_zero", [Given([[0.0, 0.0], [3.0, 4.0]])], p="2", dim=[1], keepdim=False)
