"""One step of a VGG-16, with and without batch normalisation, and of a MobileNetV2."""
from .models import one_step
from .recorder import Recorder
from .vgg_mobilenet import mobilenet_v2, vgg16, vgg16_bn


def record():
    r = Recorder()
    for make in (vgg16, vgg16_bn, mobilenet_v2):
        one_step(r, make, count=4, size=64, classes=10)
    return r
