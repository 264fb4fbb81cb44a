"""Numbers from a hash, so that C++ can make the same large tensors without a file.

Element i of the tensor called `name` is uniform(seed ^ i), where seed is the 64-bit FNV-1a hash of the name's bytes
and uniform is the top 53 bits of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators",
OOPSLA 2014), scaled to [-1, 1). Every step is exact in integers or in a double, so all machines agree to the bit.
"""
import numpy as np


def seed_of(name):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def splitmix64(x):
    """The output that SplitMix64 gives from state x; x is an array of uint64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def bits(name, count):
    """`count` hashed 64-bit integers."""
    return splitmix64(np.uint64(seed_of(name)) ^ np.arange(count, dtype=np.uint64))


def uniform(name, shape):
    """Doubles in [-1, 1)."""
    values = (bits(name, int(np.prod(shape))) >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
    return values.reshape(shape)


def integers(name, shape, limit):
    """Integers in [0, limit)."""
    values = (bits(name, int(np.prod(shape))) >> np.uint64(11)) % np.uint64(limit)
    return values.astype(np.int64).reshape(shape)


def signs(name, count):
    """+1 or -1 from the top bit."""
    return 1.0 - 2.0 * (bits(name, count) >> np.uint64(63)).astype(np.float64)
