"""Ops that pick, pad, join, cut and view."""
import torch
import torch.nn.functional as F

from .recorder import Given, Integers, Recorder, Uniform


def record():
    r = Recorder()
    embedding(r)
    shaping(r)
    views(r)
    return r


def embedding(r):
    for name, shape in {"1d": (6,), "2d": (3, 5), "scalar": (), "empty": (0, 4)}.items():
        r.case(F.embedding, "embedding", name, [Integers(shape, 0, 7), Uniform((7, 4))])
    r.case(F.embedding, "embedding", "repeated_rows_add_up",
           [Given([2, 2, 0, 2], dtype=torch.int64), Uniform((3, 5))])


def shaping(r):
    def pad(x, pad, value):
        return F.pad(x, pad, "constant", value)

    for name, shape, widths in (("last", (3, 5), [2, 1]), ("image", (2, 3, 4, 5), [1, 2, 3, 0]),
                                ("all_axes", (2, 3, 4), [1, 0, 0, 2, 1, 1]), ("cropping", (3, 6), [-1, -2]),
                                ("mixed", (3, 6), [2, -3, 0, 1])):
        r.case(pad, "pad", name, [Uniform(shape)], pad=widths, value=0.5)

    def concat(*tensors, dim):
        return torch.cat(tensors, dim)

    def stack(*tensors, dim):
        return torch.stack(tensors, dim)

    r.case(concat, "concat", "first", [Uniform((2, 5)), Uniform((3, 5))], dim=0)
    r.case(concat, "concat", "last", [Uniform((3, 2, 5)), Uniform((3, 2, 1)), Uniform((3, 2, 4))], dim=-1)
    r.case(concat, "concat", "with_empty", [Uniform((2, 0, 3)), Uniform((2, 4, 3))], dim=1)
    r.case(concat, "concat", "int64", [Integers((2, 3), 0, 9), Integers((1, 3), 0, 9)], dim=0)
    for name, dim in (("first", 0), ("middle", 1), ("last", -1)):
        r.case(stack, "stack", name, [Uniform((3, 5)), Uniform((3, 5)), Uniform((3, 5))], dim=dim)
    r.case(torch.split, "split", "even", [Uniform((6, 5))], split_size_or_sections=2, dim=0)
    r.case(torch.split, "split", "remainder", [Uniform((3, 7))], split_size_or_sections=3, dim=-1)
    r.case(torch.split, "split", "sections", [Uniform((3, 7, 2))], split_size_or_sections=[1, 4, 2], dim=1)


def views(r):
    cases = {
        "permute": (torch.permute, (2, 3, 5), {"dims": [2, 0, 1]}),
        "transpose": (torch.transpose, (2, 3, 5), {"dim0": 0, "dim1": -1}),
        "reshape": (torch.reshape, (2, 3, 5), {"shape": [5, -1]}),
        "flatten": (torch.flatten, (2, 3, 5, 2), {"start_dim": 1, "end_dim": -1}),
        "expand": (lambda x, shape: x.expand(shape), (3, 1, 5), {"shape": [2, 3, 4, 5]}),
        "narrow": (torch.narrow, (3, 7), {"dim": 1, "start": 2, "length": 4}),
        "select": (torch.select, (3, 5, 2), {"dim": 1, "index": -2}),
        "squeeze": (torch.squeeze, (3, 1, 5), {"dim": 1}),
        "unsqueeze": (torch.unsqueeze, (3, 5), {"dim": -1}),
        "flip": (torch.flip, (3, 2, 5), {"dims": [0, -1]}),
    }
    for op, (function, shape, attrs) in cases.items():
        r.case(function, op, "plain", [Uniform(shape)], **attrs)

    def cut(x, dim, start, end, step):
        return x[(slice(None),) * dim + (slice(start, end, step),)]

    cuts = {"middle": (1, 2, 6, 1), "every_third": (1, 1, 8, 3), "from_the_end": (0, -2, 3, 1),
            "beyond_the_end": (1, 3, 99, 2), "nothing": (1, 4, 4, 1)}
    for name, (dim, start, end, step) in cuts.items():
        r.case(cut, "slice", name, [Uniform((3, 8, 2))], dim=dim, start=start, end=end, step=step)
    for name, chunks in (("even", 4), ("remainder", 3), ("more_than_rows", 11)):
        r.case(torch.chunk, "chunk", name, [Uniform((2, 8))], chunks=chunks, dim=1)
