"""Small data sets for the example programs."""

import struct
import zlib


def png(height, width, level):
    """A grey image of one level, as a file."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([level]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write_idx(path, shape, values):
    path.write_bytes(bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(values))


def write_mnist(directory, train, test):
    """Images of 28x28 in 10 classes that can be told apart: class c is bright in rows 2 c to 2 c + 9."""
    for part, count in (("train", train), ("t10k", test)):
        labels = [i % 10 for i in range(count)]
        pixels = b"".join(bytes([255 if 0 <= row - 2 * c < 10 else 7 * i % 50]) * 28
                          for i, c in enumerate(labels) for row in range(28))
        write_idx(directory / f"{part}-images-idx3-ubyte", (count, 28, 28), pixels)
        write_idx(directory / f"{part}-labels-idx1-ubyte", (count,), labels)
