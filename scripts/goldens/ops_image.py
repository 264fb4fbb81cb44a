"""Images of bytes, made ready for a convolution."""
import torch
import torch.nn.functional as F

from .recorder import Given, Integers, Recorder, Uniform


def record():
    r = Recorder()
    images(r)
    return r


def images(r):
    def normalize(x, mean, std, offsets=None, flip=None, *, size):
        height, width = size
        far = height + width + x.shape[2] + x.shape[3]  # black beyond any offset
        black = F.pad(x.double() / 255, [far] * 4)
        out = []
        for i, image in enumerate(black):
            centre = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
            top, left = centre if offsets is None else offsets[i].tolist()
            crop = image[:, far + top:far + top + height, far + left:far + left + width]
            out.append(crop.flip(-1) if flip is not None and flip[i] else crop)
        return (torch.stack(out) - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)

    x, grey = Integers((3, 3, 4, 6), 0, 256), Integers((3, 1, 4, 6), 0, 256)
    numbers = [Uniform((3,), 0.3, 0.6, grad=False), Uniform((3,), 0.2, 0.3, grad=False)]
    offsets, flip = Given([[0, 0], [-1, 2], [3, -2]], dtype=torch.int64), Given([0, 1, 1], dtype=torch.int64)
    r.case(normalize, "normalize_images", "plain", [x, *numbers], size=[4, 6])
    r.case(normalize, "normalize_images", "grey", [grey, *numbers], size=[4, 6])
    r.case(normalize, "normalize_images", "padded", [x, *numbers], size=[8, 10])
    r.case(normalize, "normalize_images", "cropped", [x, *numbers], size=[2, 4])
    r.case(normalize, "normalize_images", "moved", [x, *numbers, offsets], size=[4, 6])
    r.case(normalize, "normalize_images", "moved_and_flipped", [x, *numbers, offsets, flip], size=[3, 5])
    r.case(normalize, "normalize_images", "grey_moved_and_flipped", [grey, *numbers, offsets, flip], size=[6, 7])
