"""Pooling."""
import torch.nn.functional as F

from .recorder import Given, Recorder, Uniform


def record():
    r = Recorder()
    pooling(r)
    return r


def pooling(r):
    windows = {
        "2x2": ((2, 3, 6, 8), {"kernel_size": [2, 2], "stride": [2, 2], "padding": [0, 0]}),
        "stem": ((2, 5, 9, 11), {"kernel_size": [3, 3], "stride": [2, 2], "padding": [1, 1]}),
        "overlapping": ((1, 3, 7, 5), {"kernel_size": [3, 3], "stride": [1, 1], "padding": [1, 1]}),
        "uneven": ((2, 3, 11, 8), {"kernel_size": [5, 2], "stride": [2, 3], "padding": [2, 1]}),
        "gaps": ((1, 2, 9, 9), {"kernel_size": [2, 2], "stride": [3, 3], "padding": [0, 0]}),
    }
    for name, (shape, window) in windows.items():
        r.case(F.max_pool2d, "max_pool2d", name, [Uniform(shape)], **window)
        for include in (False, True):
            case = f"{name}_{'counting' if include else 'ignoring'}_padding"
            r.case(F.avg_pool2d, "avg_pool2d", case, [Uniform(shape)], count_include_pad=include, **window)
    r.case(F.max_pool2d, "max_pool2d", "dilated", [Uniform((1, 3, 9, 9))], kernel_size=[3, 3], stride=[2, 2],
           padding=[1, 1], dilation=[2, 2])
    r.case(F.max_pool2d, "max_pool2d", "first_of_ties", [Given([[[[1.0, 1.0, 0.0], [1.0, 1.0, 2.0], [2.0, 2.0, 2.0]]]])],
           kernel_size=[2, 2], stride=[1, 1], padding=[0, 0])
    r.case(F.max_pool2d, "max_pool2d", "propagates_nan", [Given([[[[1.0, float("nan")], [0.0, 2.0]]]], grad=False)],
           kernel_size=[2, 2], stride=[1, 1], padding=[0, 0])
    for name, shape, size in (("global", (2, 5, 7, 9), [1, 1]), ("even", (2, 3, 6, 8), [3, 2]),
                              ("uneven", (2, 3, 7, 5), [3, 4]), ("larger_than_map", (1, 2, 3, 2), [5, 3])):
        r.case(F.adaptive_avg_pool2d, "adaptive_avg_pool2d", name, [Uniform(shape)], output_size=size)
        r.case(F.adaptive_max_pool2d, "adaptive_max_pool2d", name, [Uniform(shape)], output_size=size)
    beyond = {
        "a_last_window_beyond": ((2, 3, 6, 9), {"kernel_size": [3, 2], "stride": [2, 2], "padding": [0, 0]}),
        "padding_and_beyond": ((1, 3, 7, 8), {"kernel_size": [3, 3], "stride": [3, 3], "padding": [1, 1]}),
        "none_that_starts_in_the_padding": ((1, 2, 4, 4), {"kernel_size": [2, 2], "stride": [3, 3], "padding": [1, 1]}),
    }
    for name, (shape, window) in beyond.items():
        window["ceil_mode"] = True
        r.case(F.max_pool2d, "max_pool2d", name, [Uniform(shape)], **window)
        for include in (False, True):
            case = f"{name}_{'counting' if include else 'ignoring'}_padding"
            r.case(F.avg_pool2d, "avg_pool2d", case, [Uniform(shape)], count_include_pad=include, **window)
