#!/usr/bin/env python3
"""Writes what Keras saves and computes into tests/goldens: keras_*.h5 and keras_resnet50.safetensors.

Needs Keras 3 on JAX, which Debian has not: python3 -m venv keras && keras/bin/pip install keras jax scipy, and then
keras/bin/python scripts/make_keras_goldens.py. What the files hold is told in tests/goldens/README.md.
"""
import json
import math
import os
import pathlib

os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="1")
import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras.src.legacy.saving import legacy_h5_format  # noqa: E402

from goldens import hashing, safetensors  # noqa: E402

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "goldens"
PREFIX = "keras_resnet50"


def numbers(name, shape):
    """As fill() of goldens/resnet.py has them."""
    layer, weight = name.split("/")
    offset, scale = 0.0, 0.1
    if weight == "kernel":
        scale = math.sqrt((6.0 if len(shape) == 4 else 1.0) / np.prod(shape[:-1]))
    elif weight == "moving_variance":
        offset, scale = 1.0, 0.5
    elif weight == "gamma":
        offset, scale = (0.075, 0.025) if layer.endswith("_3_bn") else (0.75, 0.25)
    return offset + scale * hashing.uniform(f"{PREFIX}/{name}", shape)


def fill(model):
    """The names of all weights with their shapes, in the order of a file."""
    named = [(variable.path, variable) for layer in model.layers for variable in layer.weights]
    for name, variable in named:
        variable.assign(numbers(name, variable.shape))
    return [(name, list(variable.shape)) for name, variable in named]


def small_files():
    """Three layers, called as in keras.applications: their weights alone, and the whole model."""
    keras.config.set_floatx("float32")
    x = image = keras.layers.Input((4, 4, 3))
    x = keras.layers.Conv2D(2, 3, name="conv1_conv")(x)
    x = keras.layers.BatchNormalization(name="conv1_bn")(x)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(keras.layers.ReLU(name="conv1_relu")(x))
    model = keras.Model(image, keras.layers.Dense(3, name="predictions")(x))
    fill(model)
    with h5py.File(GOLDENS / "keras_weights.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    model.save_weights(GOLDENS / "keras_3.weights.h5")


def published_file():
    """As the files are that keras.applications publishes, which Keras 1 and 2 wrote: texts of one length, and names of
    Keras 1 or TensorFlow's.
    """
    layers = {"input_1": [], "conv1": ["conv1_W:0", "conv1_b:0"], "fc1000": ["fc1000/kernel:0", "model/fc1000/bias:0"]}
    with h5py.File(GOLDENS / "keras_published.h5", "w") as file:
        file.attrs["layer_names"] = np.array([layer.encode() for layer in layers])
        for layer, weights in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array([weight.encode() for weight in weights])
            for weight in weights:
                group[weight] = np.arange(2, dtype=np.float32) + len(weight)


def resnet50():
    """Logits of the ResNet50 of keras.applications, in double precision."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    model = keras.applications.ResNet50(weights=None, classes=10, input_shape=(64, 64, 3), classifier_activation=None)
    names = fill(model)
    images = 2.0 * hashing.uniform(f"{PREFIX}/images", (2, 3, 64, 64))  # RGB
    logits = model.predict(images[:, ::-1].transpose(0, 2, 3, 1), verbose=0)  # BGR
    assert logits.dtype == np.float64
    safetensors.save(GOLDENS / f"{PREFIX}.safetensors", {"logits": logits},
                     {"weights": json.dumps(names), "keras": keras.__version__})


if __name__ == "__main__":
    small_files()
    published_file()
    resnet50()
    for path in sorted(GOLDENS.glob("keras_*")):
        print(f"{path}: {path.stat().st_size:,} bytes")
