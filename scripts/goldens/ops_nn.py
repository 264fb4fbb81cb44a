"""Normalisation, embedding, losses, and ops that join, cut and pad."""
import torch
import torch.nn.functional as F

from .recorder import Given, Integers, Recorder, Uniform


def record():
    r = Recorder()
    normalisation(r)
    embedding(r)
    losses(r)
    shaping(r)
    return r


def normalisation(r):
    def train(x, running_mean, running_var, weight=None, bias=None, *, momentum, eps):
        mean, var = running_mean.clone(), running_var.clone()
        return F.batch_norm(x, mean, var, weight, bias, True, momentum, eps), mean, var

    def evaluate(x, running_mean, running_var, weight=None, bias=None, *, eps):
        return F.batch_norm(x, running_mean, running_var, weight, bias, False, 0.0, eps)

    shapes = {"odd": (3, 5, 4, 7), "one_pixel": (4, 3, 1, 1), "one_image": (1, 3, 5, 5), "many_channels": (2, 35, 3, 3),
              "2d": (7, 5)}
    for name, shape in shapes.items():
        channels = (shape[1],)
        running = [Uniform(channels, grad=False), Uniform(channels, 0.5, 2, grad=False)]
        affine = [Uniform(channels, -2, 2), Uniform(channels)]
        for label, extra in (("affine", affine), ("plain", [])):
            inputs = [Uniform(shape, -2, 3), *running, *extra]
            r.case(train, "batch_norm_train", f"{name}_{label}", inputs, momentum=0.1, eps=1e-5)
            r.case(evaluate, "batch_norm_eval", f"{name}_{label}", inputs, eps=1e-5)
    r.case(train, "batch_norm_train", "far_from_zero",
           [Uniform((4, 2, 5, 5), 100, 101), Uniform((2,), grad=False), Uniform((2,), 0.5, 2, grad=False)],
           momentum=0.25, eps=1e-3)

    def layer_norm(x, weight=None, bias=None, *, normalized_shape, eps):
        return F.layer_norm(x, normalized_shape, weight, bias, eps)

    for name, shape, count in (("last", (3, 5, 7), 1), ("last_two", (3, 5, 7), 2), ("all", (3, 5), 2),
                               ("wide", (2, 261), 1), ("empty", (0, 5), 1)):
        normalized = shape[len(shape) - count:]
        for label, extra in (("affine", [Uniform(normalized, -2, 2), Uniform(normalized)]), ("plain", [])):
            r.case(layer_norm, "layer_norm", f"{name}_{label}", [Uniform(shape, -2, 3), *extra],
                   normalized_shape=list(normalized), eps=1e-5)


def embedding(r):
    for name, shape in {"1d": (6,), "2d": (3, 5), "scalar": (), "empty": (0, 4)}.items():
        r.case(F.embedding, "embedding", name, [Integers(shape, 0, 7), Uniform((7, 4))])
    r.case(F.embedding, "embedding", "repeated_rows_add_up",
           [Given([2, 2, 0, 2], dtype=torch.int64), Uniform((3, 5))])


def losses(r):
    for reduction in ("mean", "sum", "none"):
        for smoothing in (0.0, 0.1):
            label = f"{reduction}{'_smoothed' if smoothing else ''}"
            common = {"reduction": reduction, "label_smoothing": smoothing}
            logits = Uniform((5, 7), -4, 4)
            r.case(F.cross_entropy, "cross_entropy", label, [logits, Integers((5,), 0, 7)], ignore_index=-100, **common)
            ignored = Given([3, 2, 6, 2, 0], dtype=torch.int64)
            r.case(F.cross_entropy, "cross_entropy", f"{label}_ignoring", [logits, ignored], ignore_index=2, **common)
    r.case(F.cross_entropy, "cross_entropy", "large_logits",
           [Given([[1000.0, -1000.0, 0.0], [0.0, 500.0, 499.0]]), Given([1, 2], dtype=torch.int64)],
           reduction="mean", label_smoothing=0.0, ignore_index=-100)
    r.case(F.cross_entropy, "cross_entropy", "one_class", [Uniform((4, 1)), Integers((4,), 0, 1)],
           reduction="mean", label_smoothing=0.0, ignore_index=-100)
    for reduction in ("mean", "sum", "none"):
        r.case(F.mse_loss, "mse_loss", reduction, [Uniform((3, 5, 7)), Uniform((3, 5, 7))], reduction=reduction)


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
    views(r)


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
    }
    for op, (function, shape, attrs) in cases.items():
        r.case(function, op, "plain", [Uniform(shape)], **attrs)
