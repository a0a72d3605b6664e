"""Frames over a pipe: a length, a JSON header, then raw array bytes. No pickle."""

import json
import struct

import numpy as np


def send(stream, header, arrays):
    described = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    text = json.dumps({"header": header, "arrays": described}).encode()
    stream.write(struct.pack("<Q", len(text)) + text)
    for array in arrays.values():
        stream.write(np.ascontiguousarray(array).tobytes())
    stream.flush()


def receive(stream):
    (length,) = struct.unpack("<Q", stream.read(8))
    frame = json.loads(stream.read(length))
    arrays = {}
    for name, dtype, shape in frame["arrays"]:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        arrays[name] = np.frombuffer(stream.read(size), dtype).reshape(shape).copy()
    return frame["header"], arrays


def split(values):
    """Arguments of a call, some of them arrays, as a header and arrays."""
    plain = [None if isinstance(v, np.ndarray) else v for v in values]
    return plain, {str(i): v for i, v in enumerate(values) if isinstance(v, np.ndarray)}


def join(plain, arrays):
    return [arrays.get(str(i), value) for i, value in enumerate(plain)]
