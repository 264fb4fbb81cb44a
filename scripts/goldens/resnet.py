"""ResNet v1.5 as torchvision has it (the stride is in the 3x3 convolution), with its names, filled from the hash."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import hashing


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(inplanes, planes, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride, v1=False, bias=False, eps=1e-5):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, stride if v1 else 1, bias=bias)
        self.bn1 = nn.BatchNorm2d(planes, eps)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1 if v1 else stride, 1, bias=bias)
        self.bn2 = nn.BatchNorm2d(planes, eps)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(planes * 4, eps)
        self.downsample = shortcut(inplanes, planes * 4, stride, bias, eps)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def shortcut(inplanes, outplanes, stride, bias=False, eps=1e-5):
    if stride == 1 and inplanes == outplanes:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inplanes, outplanes, 1, stride, bias=bias), nn.BatchNorm2d(outplanes, eps))


class ResNet(nn.Module):
    def __init__(self, block, counts, classes, first=64, **options):
        super().__init__()
        self.conv1 = nn.Conv2d(3, first, 7, 2, 3, bias=options.get("bias", False))
        self.bn1 = nn.BatchNorm2d(first, options.get("eps", 1e-5))
        width = first
        for i, count in enumerate(counts):
            planes, blocks = first << i, []
            for j in range(count):
                blocks.append(block(width, planes, 2 if i and not j else 1, **options))
                width = planes * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def resnet18(classes):
    return ResNet(BasicBlock, [2, 2, 2, 2], classes)


def resnet50(classes):
    return ResNet(Bottleneck, [3, 4, 6, 3], classes)


def resnet50_v1(classes):
    """A quarter as wide, with all options off their defaults: those of Keras' ResNet-50."""
    return ResNet(Bottleneck, [3, 4, 6, 3], classes, first=16, v1=True, bias=True, eps=1.001e-5)


def fill(model, prefix):
    """Gives parameter or buffer `name` the numbers offset + scale * hashing.uniform(f"{prefix}/{name}").

    Convolutions: offset 0, scale sqrt(6 / fan_in), Kaiming's. Linear weights: 0, sqrt(1 / fan_in). BatchNorm weights 0.75
    and 0.25, but a tenth of both in the last one of a residual branch: branches that start small keep gradients, and
    with them the influence of rounding, within bounds. Running variances 1 and 0.5, biases and running means 0 and 0.1.
    """
    named = model.state_dict(keep_vars=True)
    last = ".bn3.weight" if "layer1.0.bn3.weight" in named else ".bn2.weight"
    for name, tensor in named.items():
        if not tensor.is_floating_point():
            continue
        if tensor.dim() == 4:
            offset, scale = 0.0, math.sqrt(6.0 / tensor[0].numel())
        elif tensor.dim() == 2:
            offset, scale = 0.0, math.sqrt(1.0 / tensor.shape[1])
        elif name.endswith("running_var"):
            offset, scale = 1.0, 0.5
        elif name.endswith(last):
            offset, scale = 0.075, 0.025
        elif name.endswith("weight"):
            offset, scale = 0.75, 0.25
        else:
            offset, scale = 0.0, 0.1
        tensor.data = torch.from_numpy(offset + scale * hashing.uniform(f"{prefix}/{name}", tensor.shape))
    return model


def batch(prefix, count, size, classes):
    """Images 2 u of shape [count, 3, size, size], and labels."""
    images = torch.from_numpy(2.0 * hashing.uniform(f"{prefix}/images", (count, 3, size, size)))
    return images, torch.from_numpy(hashing.integers(f"{prefix}/labels", (count,), classes))


def fingerprint(named, prefix):
    """Of each tensor its L2 norm, its product with hashed signs, and 64 entries at hashed positions."""
    norms, projections, samples = [], [], []
    for name, tensor in named:
        values = tensor.detach().numpy().reshape(-1)
        norms.append(np.linalg.norm(values))
        projections.append(np.dot(values, hashing.signs(f"{prefix}/{name}/signs", values.size)))
        samples.append(values[hashing.integers(f"{prefix}/{name}/samples", (64,), values.size)])
    return {"norm": np.array(norms), "projection": np.array(projections), "samples": np.array(samples)}
