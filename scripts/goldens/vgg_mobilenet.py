"""VGG and MobileNetV2 as torchvision has them, with its names."""
import torch
from torch import nn


class VGG(nn.Module):
    """`width` times as wide as torchvision's, without dropout."""

    def __init__(self, counts, classes, batch_norm, width):
        super().__init__()
        features, inplanes, hidden = [], 3, int(4096 * width)
        for full, count in zip([64, 128, 256, 512, 512], counts):
            planes = int(full * width)
            for _ in range(count):
                features.append(nn.Conv2d(inplanes, planes, 3, 1, 1))
                features += [nn.BatchNorm2d(planes)] if batch_norm else []
                features.append(nn.ReLU())
                inplanes = planes
            features.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(nn.Linear(inplanes * 49, hidden), nn.ReLU(), nn.Identity(),
                                        nn.Linear(hidden, hidden), nn.ReLU(), nn.Identity(),
                                        nn.Linear(hidden, classes))

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def vgg16(classes, width=1 / 8):
    return VGG([2, 2, 3, 3, 3], classes, batch_norm=False, width=width)


def vgg16_bn(classes, width=1 / 8):
    return VGG([2, 2, 3, 3, 3], classes, batch_norm=True, width=width)


def conv_bn_relu6(inplanes, planes, kernel=1, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(inplanes, planes, kernel, stride, kernel // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(planes), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, inplanes, planes, stride, expansion):
        super().__init__()
        hidden = inplanes * expansion
        self.conv = nn.Sequential(*([conv_bn_relu6(inplanes, hidden)] if expansion != 1 else []),
                                  conv_bn_relu6(hidden, hidden, 3, stride, hidden),
                                  nn.Conv2d(hidden, planes, 1, bias=False), nn.BatchNorm2d(planes))
        self.is_residual = stride == 1 and inplanes == planes

    def forward(self, x):
        return x + self.conv(x) if self.is_residual else self.conv(x)


class MobileNetV2(nn.Module):
    """Without dropout."""

    def __init__(self, classes):
        super().__init__()
        features, width = [conv_bn_relu6(3, 32, 3, 2)], 32
        for expansion, planes, count, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                 (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
            for i in range(count):
                features.append(InvertedResidual(width, planes, stride if i == 0 else 1, expansion))
                width = planes
        features.append(conv_bn_relu6(width, 1280))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(1280, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


def mobilenet_v2(classes):
    return MobileNetV2(classes)
