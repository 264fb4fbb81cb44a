"""Image files, what Pillow decodes of them, and what torchvision's transforms make of images: exact bytes.

Needs Pillow and torchvision (Debian 12: apt-get install python3-pil python3-torchvision). Tensors of the file:

files/<name>       the bytes of an image file
pixels/<name>      [height, width, 3]: the file as RGB
oriented/<n>       the file `small` with the EXIF orientation n, as it is to be seen
resize/<name>      [height, width, channels]: a hashed image, resized; metadata: its size, and the region taken of it
evaluated/<name>   a file, its shorter side resized, of that the middle; metadata: both sizes
"""
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps
from torchvision.transforms import functional as F

from . import hashing
from .recorder import Recorder

# Adam7: first row and column, and the steps, of each pass.
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def picture(name, height, width, channels=3):
    """Slopes, waves and some noise."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    waves = 60 * np.sin((3 + c) * x / width + c) * np.cos((5 - c) * y / height) + 40 * (x + y) / (width + height)
    values = 110 + waves + 20 * hashing.uniform(name, (height, width, channels))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def encode(image, **options):
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def png(samples, colour_type, depth, interlaced=False, chunks=()):
    """A PNG of an array [height, width, channels] of samples; Pillow writes neither 16 bits of colour nor interlacing."""

    def rows(part):
        for row in part:
            if depth == 16:
                data = row.astype(">u2").tobytes()
            else:
                bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth:]
                data = np.packbits(bits.reshape(-1)).tobytes()
            yield b"\0" + data  # no filter

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = [samples[y::down, x::right] for y, x, down, right in ADAM7] if interlaced else [samples]
    pixels = b"".join(row for part in parts if part.size for row in rows(part))
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour_type, 0, 0, interlaced)
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *(chunk(*each) for each in chunks),
                     chunk(b"IDAT", zlib.compress(pixels, 9)), chunk(b"IEND", b"")])


def files():
    rgb = Image.fromarray(picture("rgb", 37, 45))
    grey = Image.fromarray(picture("grey", 37, 45, 1)[..., 0])
    cmyk = Image.fromarray(picture("cmyk", 37, 45, 4), "CMYK")
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"jpeg_{name}", encode(rgb, format="JPEG", quality=85, subsampling=subsampling)
    yield "jpeg_progressive", encode(rgb, format="JPEG", quality=85, progressive=True)
    yield "jpeg_grey", encode(grey, format="JPEG", quality=85)
    yield "jpeg_cmyk", encode(cmyk, format="JPEG", quality=85)
    yield "photo", encode(Image.fromarray(picture("photo", 150, 211)), format="JPEG", quality=75)
    yield "tall", encode(Image.fromarray(picture("tall", 131, 60)), format="JPEG", quality=75)
    yield "small", encode(Image.fromarray(picture("small", 13, 21)), format="JPEG", quality=90)

    palette = rgb.quantize(16)
    alpha = Image.fromarray(picture("alpha", 37, 45, 4), "RGBA")
    yield "png_rgb", encode(rgb, format="PNG")
    yield "png_grey", encode(grey, format="PNG")
    yield "png_grey_alpha", encode(alpha.convert("LA"), format="PNG")
    yield "png_rgb_alpha", encode(alpha, format="PNG")
    yield "png_bits", encode(grey.convert("1"), format="PNG")
    yield "png_palette", encode(palette, format="PNG")
    yield "png_palette_alpha", encode(palette, format="PNG", transparency=bytes(range(0, 256, 16)))
    wide = picture("wide", 37, 45).astype(np.int64) * 256 + hashing.integers("low bytes", (37, 45, 3), 256)
    yield "png_rgb_16", png(wide, colour_type=2, depth=16)
    yield "png_grey_16", png(wide[..., :1], colour_type=0, depth=16)
    yield "png_grey_2", png(wide[..., :1] >> 14, colour_type=0, depth=2)
    yield "png_interlaced", png(np.asarray(rgb), colour_type=2, depth=8, interlaced=True)
    yield "png_grey_4_interlaced", png(wide[..., :1] >> 12, colour_type=0, depth=4, interlaced=True)
    yield "png_transparent_colour", png(np.asarray(grey)[..., None], colour_type=0, depth=8,
                                        chunks=[(b"tRNS", struct.pack(">H", 100))])


def rgb_of(name, data):
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):  # which convert() clips at 255
        assert name == "png_grey_16"
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def record():
    r = Recorder()

    def put(name, image, **attrs):
        r.put(name, np.asarray(image))
        if attrs:
            r.metadata[name] = json.dumps(attrs, sort_keys=True)

    decoded = {}
    for name, data in files():
        decoded[name] = rgb_of(name, data)
        put(f"files/{name}", np.frombuffer(data, np.uint8))
        if name not in ("photo", "tall"):
            put(f"pixels/{name}", decoded[name])
    for orientation in range(1, 9):
        image = decoded["small"].copy()
        image.getexif()[0x0112] = orientation
        put(f"oriented/{orientation}", ImageOps.exif_transpose(image))

    for name, height, width, channels, region, size in (
            ("smaller", 37, 53, 3, None, (24, 31)), ("larger", 11, 13, 3, None, (29, 40)),
            ("one_axis", 37, 53, 3, None, (37, 20)), ("much_smaller", 173, 190, 3, None, (5, 7)),
            ("to_one", 40, 50, 3, None, (1, 1)), ("from_one", 1, 1, 3, None, (3, 4)), ("same", 9, 8, 3, None, (9, 8)),
            ("thin", 2, 300, 3, None, (16, 16)), ("grey", 37, 53, 1, None, (24, 31)),
            ("region", 61, 70, 3, (7, 11, 41, 33), (32, 32)), ("edge_region", 61, 70, 3, (20, 40, 41, 30), (32, 32))):
        image = hashing.integers(f"resize/{name}", (height, width, channels), 256).astype(np.uint8)
        image = Image.fromarray(image if channels == 3 else image[..., 0])
        resized = F.resized_crop(image, *region, size) if region else F.resize(image, size)
        put(f"resize/{name}", np.asarray(resized).reshape(*size, channels), height=height, width=width, channels=channels,
            region=region or [0, 0, height, width])
    for name, file, resize, size in (("photo", "photo", 64, 56), ("photo_odd", "photo", 61, 32),
                                     ("tall", "tall", 33, 30), ("enlarged", "small", 24, 24)):
        put(f"evaluated/{name}", F.center_crop(F.resize(decoded[file], resize), size), file=file, resize=resize, size=size)
    return r
