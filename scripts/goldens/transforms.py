"""What torchvision's tensor transforms make of images in bytes. Needs torchvision 0.14 (Debian 12: python3-torchvision)."""
import numpy as np
import torch
import torchvision.transforms.functional as F
from torchvision.transforms import InterpolationMode

from . import hashing
from .recorder import Recorder


def image(name, shape, low=0, high=256):
    return torch.from_numpy((hashing.integers(name, shape, high - low) + low).astype(np.uint8))


def smooth(name, shape):
    """An image with even areas, greys and extremes among its colours."""
    rough = image(name, (shape[0], 4, 4))
    rough[:, 0, 0], rough[:, 1, 1], rough[:, 2, 2] = 0, 255, 77
    big = rough.repeat_interleave(-(-shape[1] // 4), 1).repeat_interleave(-(-shape[2] // 4), 2)
    return big[:, :shape[1], :shape[2]].contiguous()


IMAGES = {"noise": image("transforms/noise", (3, 9, 7)), "smooth": smooth("transforms/smooth", (3, 24, 30)),
          "dull": image("transforms/dull", (3, 8, 10), 60, 90), "grey": image("transforms/grey", (1, 7, 9)),
          "flat": torch.full((3, 5, 5), 200, dtype=torch.uint8)}


def record():
    torch.set_default_dtype(torch.float32)  # torchvision's own
    r = Recorder()
    try:
        colours(r)
        places(r)
    finally:
        torch.set_default_dtype(torch.float64)
    return r


class Fixed:
    """An input that is an image as it stands."""
    grad = False

    def __init__(self, tensor):
        self.tensor = tensor

    def make(self, _):
        return self.tensor


def case(r, op, function, name, img, **attrs):
    r.case(function, op, name, [Fixed(IMAGES[img])], **attrs)


def colours(r):
    def brightness(x, factor):
        return F.adjust_brightness(x, factor)

    def contrast(x, factor):
        return F.adjust_contrast(x, factor)

    def saturation(x, factor):
        return F.adjust_saturation(x, factor)

    def sharpness(x, factor):
        return F.adjust_sharpness(x, factor)

    def hue(x, factor):
        return F.adjust_hue(x, factor)

    for img in IMAGES:
        for function in (brightness, contrast, saturation, sharpness):
            for number, factor in enumerate((0.0, 0.37, 1.0, 1.99)):
                case(r, f"adjust_{function.__name__}", function, f"{img}_{number}", img, factor=factor)
        for number, factor in enumerate((-0.5, -0.21, 0.0, 0.1, 0.5)):
            case(r, "adjust_hue", hue, f"{img}_{number}", img, factor=factor)
        for channels in (1, 3):
            if IMAGES[img].shape[0] == 3 or channels == 1:
                case(r, "to_grayscale", lambda x, channels: F.rgb_to_grayscale(x, channels), f"{img}_{channels}", img,
                     channels=channels)
        for bits in (0, 2, 5, 8):
            case(r, "posterize", lambda x, bits: F.posterize(x, bits), f"{img}_{bits}", img, bits=bits)
        for number, threshold in enumerate((0.0, 76.5, 77.0, 255.0)):
            case(r, "solarize", lambda x, threshold: F.solarize(x, threshold), f"{img}_{number}", img,
                 threshold=threshold)
        for function in (F.invert, F.autocontrast, F.equalize):
            case(r, function.__name__, function, img, img)


def places(r):
    """No place may be halfway between two pixels, where a last bit decides: angles and shears are odd."""
    def rotate(x, angle, interpolation, fill):
        return F.rotate(x, angle, InterpolationMode(interpolation), fill=fill)

    def affine(x, angle, translate, scale, shear, interpolation, fill, center):
        return F.affine(x, angle, translate, scale, shear, InterpolationMode(interpolation), fill, center)

    for interpolation in ("nearest", "bilinear"):
        for img, fill, kind in (("noise", None, "black"), ("smooth", [10.0, 200.0, 77.0], "filled"),
                                ("grey", [99.0], "filled"), ("smooth", [30.0], "filled_alike")):
            name = f"{img}_{kind}_{interpolation}"
            for number, angle in enumerate((0.0, 17.3, -101.9, 180.0)):
                case(r, "rotate", rotate, f"{name}_{number}", img, angle=angle, interpolation=interpolation, fill=fill)
            for number, args in enumerate((
                    dict(angle=0.0, translate=[2, -3], scale=1.0, shear=[0.0, 0.0], center=None),
                    dict(angle=0.0, translate=[0, 0], scale=1.0, shear=[23.7, 0.0], center=[0, 0]),
                    dict(angle=0.0, translate=[0, 0], scale=1.0, shear=[0.0, -31.1], center=[0, 0]),
                    dict(angle=12.9, translate=[1, 2], scale=1.37, shear=[8.3, -4.9], center=[3, 2]))):
                case(r, "affine", affine, f"{name}_{number}", img, interpolation=interpolation, fill=fill, **args)
