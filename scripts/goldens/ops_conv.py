"""Convolutions."""
import torch
import torch.nn.functional as F

from .recorder import Recorder, Uniform


def record():
    r = Recorder()
    convolutions(r)
    gradients(r)
    return r


def convolutions(r):
    def conv(name, x, w, bias=False, **attrs):
        attrs = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1} | attrs
        inputs = [Uniform(x), Uniform(w)] + ([Uniform((w[0],))] if bias else [])
        r.case(F.conv2d, "conv2d", name, inputs, **attrs)

    conv("plain_3x3", (2, 3, 7, 9), (5, 3, 3, 3))
    conv("bias", (2, 3, 7, 9), (5, 3, 3, 3), bias=True)
    conv("padded_3x3", (2, 5, 9, 11), (7, 5, 3, 3), padding=[1, 1])
    conv("stride_2", (2, 5, 9, 11), (4, 5, 3, 3), stride=[2, 2], padding=[1, 1])
    conv("stride_2_even", (1, 3, 8, 10), (4, 3, 3, 3), stride=[2, 2], padding=[1, 1])
    conv("stride_3_ignores_a_rim", (1, 2, 10, 11), (3, 2, 2, 2), stride=[3, 3])
    conv("uneven_everything", (2, 3, 11, 8), (4, 3, 5, 2), stride=[2, 3], padding=[2, 1], dilation=[1, 2])
    conv("dilated", (1, 3, 11, 12), (4, 3, 3, 3), padding=[2, 2], dilation=[2, 2])
    conv("stem_7x7", (2, 3, 19, 17), (8, 3, 7, 7), stride=[2, 2], padding=[3, 3])
    conv("pointwise", (2, 17, 5, 7), (19, 17, 1, 1))
    conv("pointwise_stride_2", (2, 16, 6, 7), (9, 16, 1, 1), stride=[2, 2])
    conv("pointwise_bias", (3, 8, 4, 4), (32, 8, 1, 1), bias=True)
    conv("groups", (2, 6, 7, 8), (9, 2, 3, 3), bias=True, padding=[1, 1], groups=3)
    conv("groups_stride_2", (2, 8, 7, 8), (8, 2, 3, 3), stride=[2, 2], padding=[1, 1], groups=4)
    conv("depthwise", (2, 6, 8, 9), (6, 1, 3, 3), padding=[1, 1], groups=6)
    conv("depthwise_multiplier", (2, 3, 7, 7), (6, 1, 5, 5), bias=True, padding=[2, 2], groups=3)
    conv("full_tiles", (1, 16, 6, 14), (32, 16, 3, 3), padding=[1, 1])
    conv("map_as_large_as_kernel", (2, 3, 3, 3), (4, 3, 3, 3))
    conv("padding_larger_than_map", (1, 2, 1, 1), (3, 2, 3, 3), padding=[2, 2])
    conv("one_by_n", (2, 4, 5, 9), (3, 4, 1, 7), padding=[0, 3])
    conv("no_images", (0, 3, 7, 9), (5, 3, 3, 3), bias=True)


def gradients(r):
    """The two gradients as ops of their own, where strides leave a rim of x without influence among others."""
    cases = {
        "padded_3x3": ((2, 5, 9, 11), (7, 5, 3, 3), {"padding": [1, 1]}),
        "stride_2_even": ((1, 3, 8, 10), (4, 3, 3, 3), {"stride": [2, 2], "padding": [1, 1]}),
        "stride_3_ignores_a_rim": ((1, 2, 10, 11), (3, 2, 2, 2), {"stride": [3, 3]}),
        "dilated": ((1, 3, 11, 12), (4, 3, 3, 3), {"padding": [2, 2], "dilation": [2, 2]}),
        "groups": ((2, 6, 7, 8), (9, 2, 3, 3), {"padding": [1, 1], "groups": 3}),
        "pointwise_stride_2": ((2, 16, 6, 7), (9, 16, 1, 1), {"stride": [2, 2]}),
    }

    def grad_input(dy, weight, input_size, **attrs):
        return torch.nn.grad.conv2d_input(input_size, weight, dy, **attrs)

    def grad_weight(dy, x, weight_size, **attrs):
        return torch.nn.grad.conv2d_weight(x, weight_size, dy, **attrs)

    for name, (x, w, attrs) in cases.items():
        attrs = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1} | attrs
        dy = tuple(F.conv2d(torch.empty(x), torch.empty(w), **attrs).shape)
        r.case(grad_input, "conv2d_grad_input", name, [Uniform(dy, grad=False), Uniform(w, grad=False)],
               input_size=list(x), **attrs)
        r.case(grad_weight, "conv2d_grad_weight", name, [Uniform(dy, grad=False), Uniform(x, grad=False)],
               weight_size=list(w), **attrs)
