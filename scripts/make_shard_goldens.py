#!/usr/bin/env python3
"""Writes shards of images as other programs write them into tests/goldens: shard_*.tar and shard_*.tfrecord.

Needs two packages that Debian has not: python3 -m venv shards && shards/bin/pip install webdataset tfrecord, and then
shards/bin/python scripts/make_shard_goldens.py. What the files hold is told in tests/goldens/README.md.
"""
import io
import pathlib
import sys
import tarfile

import tfrecord
import webdataset

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "tests" / "goldens"
sys.path.append(str(ROOT / "tests" / "examples"))
import images  # noqa: E402

LABELS = [7, 0, 999]


def image(i):
    """A grey PNG of level 10 * i + 5."""
    return images.png(8 + i, 9, 10 * i + 5)


def web_dataset():
    """In the pax format; one name is longer than 100 bytes."""
    with webdataset.TarWriter(str(GOLDENS / "shard_webdataset.tar"), mtime=0) as tar:
        for i, label in enumerate(LABELS):
            tar.write({"__key__": f"{'directory/' * 12 * (i % 2)}{i:04d}", "png": image(i), "cls": label, "json": {"filename": f"{i}.png"}})


def plain_tar(name, format):
    """Names of more than 100 bytes, a directory, a link and a file that is no sample."""
    with tarfile.open(GOLDENS / name, "w", format=format) as tar:
        def add(path, data=b"", **more):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            for key, value in more.items():
                setattr(member, key, value)
            tar.addfile(member, io.BytesIO(data))

        add("./", type=tarfile.DIRTYPE)
        add("./LICENSE", b"none")
        for i, label in enumerate(LABELS):
            key = f"./{'directory/' * 6 * i}{'klasse_ä_' * 4 * i}{i}"
            add(f"{key}.PNG", image(i))
            add(f"{key}.seg.png", b"no image")
            add(f"{key}.cls", f"{label}\n".encode())
        add("./link.png", type=tarfile.SYMTYPE, linkname="./LICENSE")


def records(name, features):
    writer = tfrecord.TFRecordWriter(str(GOLDENS / name))
    for i, label in enumerate(LABELS):
        writer.write(features(i, label))
    writer.close()


if __name__ == "__main__":
    web_dataset()
    plain_tar("shard_gnu.tar", tarfile.GNU_FORMAT)
    plain_tar("shard_ustar.tar", tarfile.USTAR_FORMAT)
    records("shard_slim.tfrecord", lambda i, label: {
        "image/height": (8 + i, "int"), "image/width": (9, "int"), "image/colorspace": (b"RGB", "byte"),
        "image/channels": (3, "int"), "image/class/label": (label + 1, "int"),
        "image/class/synset": (b"n01440764", "byte"), "image/object/bbox/xmin": ([0.25, 0.5], "float"),
        "image/object/bbox/label": ([label, label], "int"), "image/format": (b"PNG", "byte"),
        "image/encoded": (image(i), "byte"), "image/filename": (f"{i}.png".encode(), "byte")})
    records("shard_tfds.tfrecord", lambda i, label: {
        "file_name": (f"{i}.png".encode(), "byte"), "image": (image(i), "byte"), "label": (label, "int")})
