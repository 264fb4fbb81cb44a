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
