"""Elementwise ops: arithmetic, comparisons, selection, functions of one argument."""
import math

import torch
import torch.nn.functional as F

from .recorder import Given, Integers, Recorder, Uniform

nan, inf = math.nan, math.inf

# Shapes that meet vector tails, broadcasting on either side, rank 0 and no elements at all.
PAIRS = {
    "same_shape": ((3, 5, 7), (3, 5, 7)),
    "vector_tail": ((261,), (261,)),
    "row": ((4, 5, 7), (7,)),
    "column": ((4, 5, 7), (4, 5, 1)),
    "both_sides": ((3, 1, 7), (2, 1, 5, 1)),
    "scalar": ((), (3, 5)),
    "rank_0": ((), ()),
    "empty": ((0, 3), (1, 3)),
    "channels": ((2, 5, 3, 4), (1, 5, 1, 1)),
}
SHAPES = {"odd": (3, 5, 7), "vector_tail": (261,), "rank_0": (), "empty": (2, 0, 3)}


def record():
    r = Recorder()
    binary(r)
    selection(r)
    unary(r)
    return r


def binary(r):
    for op in (torch.add, torch.sub, torch.mul, torch.maximum, torch.minimum):
        for name, (a, b) in PAIRS.items():
            r.case(op, op.__name__, name, [Uniform(a, -3, 3), Uniform(b, -3, 3)])
        r.case(op, op.__name__, "int64", [Integers((4, 5), -9, 10), Integers((5,), -9, 10)])
    for name, (a, b) in PAIRS.items():
        r.case(torch.div, "div", name, [Uniform(a, -3, 3), Uniform(b, 0.5, 2)])
        r.case(torch.pow, "pow", name, [Uniform(a, 0.25, 2), Uniform(b, -2, 2)])
    r.case(torch.div, "div", "by_zero", [Given([1.0, -1.0, 0.0], grad=False), Given([0.0], grad=False)])

    ties = [Given([1.0, 2.0, -3.0, 0.0]), Given([1.0, 1.0, -3.0, 0.0])]
    with_nan = [Given([nan, 1.0, nan, 2.0], grad=False), Given([1.0, nan, nan, 3.0], grad=False)]
    for op in (torch.maximum, torch.minimum):
        r.case(op, op.__name__, "splits_the_gradient_at_ties", ties)
        r.case(op, op.__name__, "propagates_nan", with_nan)

    for op in (torch.eq, torch.ne, torch.lt, torch.le, torch.gt, torch.ge):
        for name, (a, b) in PAIRS.items():
            r.case(op, op.__name__, name, [Integers(a, -2, 3), Integers(b, -2, 3)])
        r.case(op, op.__name__, "floating", [Given([1.0, 2.0, nan, inf, -0.0], grad=False),
                                             Given([1.0, 3.0, nan, inf, 0.0], grad=False)])


def selection(r):
    condition = Integers((3, 5, 7), 0, 2)

    def where(mask, a, b):
        return torch.where(mask != 0, a, b)

    r.case(where, "where", "same_shape", [condition, Uniform((3, 5, 7)), Uniform((3, 5, 7))])
    r.case(where, "where", "broadcast", [Integers((5, 1), 0, 2), Uniform((3, 1, 7)), Uniform(())])
    r.case(where, "where", "empty", [Integers((0, 1), 0, 2), Uniform((0, 3)), Uniform((1, 3))])

    for name, bounds in {"both": {"min": -0.5, "max": 0.75}, "min": {"min": 0.25}, "max": {"max": -0.125}}.items():
        for shape_name, shape in SHAPES.items():
            r.case(torch.clamp, "clamp", f"{name}_{shape_name}", [Uniform(shape, -2, 2)], **bounds)
    r.case(torch.clamp, "clamp", "at_bounds", [Given([-1.0, 0.5, 1.0, 2.0])], min=-1.0, max=1.0)
    r.case(torch.clamp, "clamp", "propagates_nan", [Given([nan, 3.0], grad=False)], min=-1.0, max=1.0)


def unary(r):
    functions = [
        (torch.exp, "exp", -5, 5), (torch.log, "log", 0.01, 9), (torch.sqrt, "sqrt", 0.01, 9),
        (torch.abs, "abs", -3, 3), (torch.neg, "neg", -3, 3), (torch.tanh, "tanh", -4, 4),
        (torch.sigmoid, "sigmoid", -6, 6), (F.relu, "relu", -3, 3), (F.silu, "silu", -6, 6),
        (torch.square, "square", -3, 3), (torch.sign, "sign", -3, 3), (torch.reciprocal, "reciprocal", 0.1, 3),
        (torch.floor, "floor", -3, 3),
    ]
    for function, op, low, high in functions:
        for name, shape in SHAPES.items():
            r.case(function, op, name, [Uniform(shape, low, high)])
    for approximate in ("none", "tanh"):
        for name, shape in SHAPES.items():
            r.case(F.gelu, "gelu", f"{approximate}_{name}", [Uniform(shape, -5, 5)], approximate=approximate)
        r.case(F.gelu, "gelu", f"{approximate}_far", [Given([-30.0, -8.0, 0.0, 8.0, 30.0])], approximate=approximate)
    exponents = {"two": 2.0, "three": 3.0, "half": 0.5, "minus_one": -1.0, "two_and_a_half": 2.5, "one": 1.0, "zero": 0.0}
    for name, exponent in exponents.items():
        r.case(torch.pow, "pow_scalar", f"to_{name}", [Uniform((3, 5, 7), 0.25, 3)], exponent=exponent)
    for name in ("two", "three", "one", "zero"):
        r.case(torch.pow, "pow_scalar", f"any_base_to_{name}", [Given([-2.0, -0.5, 0.0, 1.5])],
               exponent=exponents[name])

    # Kinks, poles and far tails, where the convention or the stable form matters.
    r.case(torch.abs, "abs", "at_zero", [Given([0.0, -0.0, 1.0])])
    r.case(F.relu, "relu", "at_zero", [Given([0.0, -0.0, 1.0])])
    r.case(F.relu, "relu", "propagates_nan", [Given([nan, -1.0], grad=False)])
    r.case(torch.sign, "sign", "at_zero", [Given([0.0, -0.0, inf, -inf], grad=False)])
    r.case(torch.floor, "floor", "at_integers", [Given([-2.0, -0.5, -0.0, 0.0, 0.5, 3.0, inf, nan], grad=False)])
    r.case(torch.reciprocal, "reciprocal", "at_zero", [Given([0.0, -0.0, inf, nan], grad=False)])
    r.case(torch.square, "square", "int64", [Integers((7,), -9, 10)])
    r.case(torch.exp, "exp", "far", [Given([-800.0, 800.0, -inf, 0.0], grad=False)])
    r.case(torch.log, "log", "at_zero", [Given([0.0, 1.0, -1.0, inf], grad=False)])
    for function, op in ((torch.sigmoid, "sigmoid"), (torch.tanh, "tanh"), (F.silu, "silu")):
        r.case(function, op, "far", [Given([-800.0, -40.0, 0.0, 40.0, 800.0])])
