"""Normalisation."""
import torch.nn.functional as F

from .recorder import Recorder, Uniform


def record():
    r = Recorder()
    normalisation(r)
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

    def fused(x, running_mean, running_var, weight, bias, residual=None, *, training, momentum, eps, activation):
        mean, var = running_mean.clone(), running_var.clone()
        y = F.batch_norm(x, mean, var, weight, bias, training, momentum, eps)
        y = y if residual is None else y + residual
        return (F.relu(y) if activation == "relu" else y), mean, var

    for training in (True, False):
        for activation in ("none", "relu"):
            for label, shape in (("odd", (3, 5, 4, 7)), ("2d", (7, 5))):
                channels = (5,)
                inputs = [Uniform(shape, -2, 3), Uniform(channels, grad=False), Uniform(channels, 0.5, 2, grad=False),
                          Uniform(channels, -2, 2), Uniform(channels)]
                case = f"{label}_{'train' if training else 'eval'}_{activation}"
                options = {"training": training, "momentum": 0.1, "eps": 1e-5, "activation": activation}
                r.case(fused, "batch_norm_act", case, inputs, **options)
                r.case(fused, "batch_norm_act", f"{case}_residual", [*inputs, Uniform(shape)], **options)

    def layer_norm(x, weight=None, bias=None, *, normalized_shape, eps):
        return F.layer_norm(x, normalized_shape, weight, bias, eps)

    for name, shape, count in (("last", (3, 5, 7), 1), ("last_two", (3, 5, 7), 2), ("all", (3, 5), 2),
                               ("wide", (2, 261), 1), ("empty", (0, 5), 1)):
        normalized = shape[len(shape) - count:]
        for label, extra in (("affine", [Uniform(normalized, -2, 2), Uniform(normalized)]), ("plain", [])):
            r.case(layer_norm, "layer_norm", f"{name}_{label}", [Uniform(shape, -2, 3), *extra],
                   normalized_shape=list(normalized), eps=1e-5)
