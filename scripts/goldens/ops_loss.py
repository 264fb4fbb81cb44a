"""Losses."""
import torch
import torch.nn.functional as F

from .recorder import Given, Integers, Recorder, Uniform


def record():
    r = Recorder()
    losses(r)
    return r


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
        r.case(F.l1_loss, "l1_loss", reduction, [Uniform((3, 5, 7)), Uniform((3, 5, 7))], reduction=reduction)
    r.case(F.l1_loss, "l1_loss", "at_zero", [Given([1.0, 2.0]), Given([1.0, 3.0])], reduction="sum")
    weighted(r)
    binary(r)


def weighted(r):
    """Factors per class, and losses of log-probabilities."""
    weight = Uniform((7,), 0.25, 2, grad=False)
    target = Given([3, 2, 6, 2, 0], dtype=torch.int64)
    pixels = [Uniform((2, 7, 3, 5), -4, 4), Integers((2, 3, 5), 0, 7)]
    for reduction in ("mean", "sum", "none"):
        for ignore in (-100, 2):
            label = f"{reduction}{'_ignoring' if ignore == 2 else ''}"
            common = {"reduction": reduction, "ignore_index": ignore}
            logits, log_probabilities = Uniform((5, 7), -4, 4), Uniform((5, 7), -6, -0.1)
            for smoothing in (0.0, 0.1):
                r.case(F.cross_entropy, "cross_entropy", f"{label}{'_smoothed' if smoothing else ''}_weighted",
                       [logits, target, weight], label_smoothing=smoothing, **common)
            r.case(F.nll_loss, "nll_loss", label, [log_probabilities, target], **common)
            r.case(F.nll_loss, "nll_loss", f"{label}_weighted", [log_probabilities, target, weight], **common)
        common = {"reduction": reduction, "ignore_index": -100}
        r.case(F.cross_entropy, "cross_entropy", f"{reduction}_pixels_weighted", [*pixels, weight], label_smoothing=0.1,
               **common)
        r.case(F.nll_loss, "nll_loss", f"{reduction}_pixels", pixels, **common)


def binary(r):
    def loss(logits, target, weight=None, pos_weight=None, *, reduction):
        return F.binary_cross_entropy_with_logits(logits, target, weight, pos_weight=pos_weight, reduction=reduction)

    op = "binary_cross_entropy_with_logits"
    for reduction in ("mean", "sum", "none"):
        inputs = [Uniform((5, 7), -4, 4), Uniform((5, 7), 0, 1, grad=False)]
        factors = [Uniform((5, 1), 0.25, 2, grad=False), Uniform((7,), 0.25, 4, grad=False)]
        r.case(loss, op, reduction, inputs, reduction=reduction)
        r.case(loss, op, f"{reduction}_weighted", [*inputs, *factors], reduction=reduction)
    r.case(loss, op, "far", [Given([-800.0, -40.0, 0.0, 40.0, 800.0]), Given([0.0, 1.0, 0.5, 1.0, 0.0], grad=False)],
           reduction="none")
