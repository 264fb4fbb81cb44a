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
    truths(r)
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
            for side in ("max", "min"):
                r.case(getattr(torch, f"a{side}"), f"a{side}", case, [Uniform(SHAPE)], dim=axes, keepdim=keepdim)
                if len(axes) == 1:
                    for op in (side, f"arg{side}"):
                        r.case(getattr(torch, op), op, case, [Uniform(SHAPE)], dim=axes[0], keepdim=keepdim)
    ties = [Given([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]])]
    with_nan = [Given([[1.0, nan, 3.0], [2.0, 4.0, -inf]], grad=False)]
    for side in ("max", "min"):
        amax, argmax, most = (getattr(torch, f"{kind}{side}") for kind in ("a", "arg", ""))
        r.case(amax, f"a{side}", "splits_the_gradient_at_ties", ties, dim=[1], keepdim=False)
        r.case(argmax, f"arg{side}", "first_of_ties", ties, dim=1, keepdim=False)
        r.case(most, side, "first_of_ties", ties, dim=1, keepdim=False)
        r.case(amax, f"a{side}", "propagates_nan", with_nan, dim=[1], keepdim=False)
        r.case(argmax, f"arg{side}", "finds_nan", with_nan, dim=1, keepdim=False)
        r.case(most, side, "propagates_nan", with_nan, dim=1, keepdim=False)


def truths(r):
    """Whether inputs are not 0, of any or all elements."""

    def over(function):
        def run(x, dim, keepdim):
            truth = x != 0
            for axis in sorted((axis % x.dim() for axis in dim), reverse=True):
                truth = function(truth, axis, keepdim)
            return truth

        return run

    for function, op, x in ((torch.any, "any", Integers(SHAPE, -9, 2)), (torch.all, "all", Integers(SHAPE, 0, 9))):
        for name, axes in AXES.items():
            for keepdim in (False, True):
                case = f"{name}{'_keepdim' if keepdim else ''}"
                r.case(over(function), op, case, [x], dim=axes, keepdim=keepdim)
        r.case(over(function), op, "over_nothing", [Integers((0, 3), 0, 2)], dim=[0], keepdim=False)


def norms(r):
    def norm(x, p, dim, keepdim):
        return torch.linalg.vector_norm(x, float(p), dim, keepdim)

    for p in ("1", "2", "3", "inf"):
        for name in ("last", "outer", "all"):
            for keepdim in (False, True):
                case = f"p{p}_{name}{'_keepdim' if keepdim else ''}"
                r.case(norm, "norm", case, [Uniform(SHAPE)], p=p, dim=AXES[name], keepdim=keepdim)
    r.case(norm, "norm", "p2_at_zero", [Given([[0.0, 0.0], [3.0, 4.0]])], p="2", dim=[1], keepdim=False)
