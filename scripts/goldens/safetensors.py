"""A safetensors writer: 8 bytes of header length, a JSON header, the data. The same input gives the same bytes."""
import json

import numpy as np

DTYPES = {"float64": "F64", "float32": "F32", "int64": "I64", "uint8": "U8", "bool": "BOOL"}


def save(path, tensors, metadata):
    """Writes a dict of name -> NumPy array, and metadata, a dict of strings."""
    header, offset = {"__metadata__": dict(sorted(metadata.items()))}, 0
    # Widest elements first, so that each array is aligned to its own element size.
    order = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    for name in order:
        array = tensors[name]
        end = offset + array.nbytes
        header[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            file.write(np.ascontiguousarray(tensors[name]).tobytes())
