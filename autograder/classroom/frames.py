"""Frames over a socket: a length, a JSON header, then the raw bytes of arrays. No pickle, no npy.

Both ends of the border use this. The grader's end trusts nothing that it reads: every limit is checked before
the bytes that it limits are read, and memory grows only as bytes arrive.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_LENGTH = struct.Struct("<Q")
_PIECE = 1 << 18  # bytes that are read at once
_TICK = 0.05  # seconds between two looks at what the other side takes
DTYPES = frozenset(
    f"{kind}{bits}"
    for kind, sizes in {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64)}.items()
    for bits in sizes
) | {"bool", "float16", "float32", "float64"}


class FrameError(Exception):
    """The other side sent something that is not a frame, or a larger one than it may."""


class Closed(FrameError):
    """The other side has closed its end."""


@dataclass(frozen=True)
class FrameLimits:
    """What one frame may hold, and how long it may take from its first byte to its last."""

    header_bytes: int = 1 << 20
    array_bytes: int = 1 << 26
    arrays: int = 512
    axes: int = 16
    name_length: int = 300
    seconds: float = 10.0


class Channel:
    """One end of a connection that exchanges frames.

    Parameters
    ----------
    connection : socket
        A stream socket; the channel owns it.
    limits : FrameLimits or None
        For frames that are read. None trusts the other side: the student's end does.
    tick : callable, optional
        Called every `_TICK` seconds while waiting. What it raises ends the waiting.
    """

    def __init__(
        self,
        connection: socket.socket,
        limits: FrameLimits | None = None,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.connection = connection
        self.limits = limits
        self.tick = tick
        self._end: float | None = None
        connection.settimeout(_TICK if tick or limits else None)

    def close(self) -> None:
        """Close this end."""
        self.connection.close()

    def fileno(self) -> int:
        """The descriptor of the socket."""
        return self.connection.fileno()

    def send(self, header: Any, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        """Send one frame.

        Raises
        ------
        Closed
            If the other side is gone.
        FrameError
            If it does not read within the time limit.
        """
        arrays = {name: np.asarray(array, order="C") for name, array in (arrays or {}).items()}
        described = [[name, str(array.dtype), list(np.shape(array))] for name, array in arrays.items()]
        text = json.dumps({"header": header, "arrays": described}).encode()
        self._begin()
        try:
            self._write(_LENGTH.pack(len(text)) + text)
            for array in arrays.values():
                self._write(memoryview(array.tobytes()))
        finally:
            self._end = None

    def receive(self) -> tuple[Any, dict[str, np.ndarray]]:
        """Read one frame; waits for its first byte as long as `tick` lets it.

        Raises
        ------
        Closed
            If the other side is gone.
        FrameError
            If it is not a frame, is larger than allowed, or does not end in time.
        """
        start = self._read(1)  # the time limit counts from here
        self._begin()
        try:
            (length,) = _LENGTH.unpack(bytes(start + self._read(_LENGTH.size - 1)))
            if self.limits and length > self.limits.header_bytes:
                raise FrameError(f"a header of {length} bytes")
            header, described = self._parse(self._read(length))
            arrays = {}
            for name, dtype, shape in described:
                size = math.prod(shape) * np.dtype(dtype).itemsize
                arrays[name] = np.frombuffer(self._read(size), dtype).reshape(shape)
            return header, arrays
        finally:
            self._end = None

    def _parse(self, text: bytearray) -> tuple[Any, list[tuple[str, str, list[int]]]]:
        try:
            frame = json.loads(bytes(text))
            header, described = (
                frame["header"],
                [(name, dtype, shape) for name, dtype, shape in frame["arrays"]],
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise FrameError(f"a header that cannot be read ({type(error).__name__})") from None
        if self.limits:
            _admit(described, self.limits)
        return header, described

    def _begin(self) -> None:
        self._end = time.monotonic() + self.limits.seconds if self.limits else None

    def _late(self) -> None:
        if self._end is not None and time.monotonic() > self._end:
            raise FrameError("a frame that did not end in time")

    def _read(self, size: int) -> bytearray:
        data = bytearray()
        while len(data) < size:
            self._late()
            try:
                piece = self.connection.recv(min(size - len(data), _PIECE))
            except TimeoutError:
                self._wait()
                continue
            except OSError as error:
                raise Closed(f"the connection broke ({error.strerror})") from None
            if not piece:
                raise Closed("the other side closed the connection")
            data += piece
        return data

    def _write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            self._late()
            try:
                view = view[self.connection.send(view[:_PIECE]) :]
            except TimeoutError:
                self._wait()
            except OSError as error:
                raise Closed(f"the connection broke ({error.strerror})") from None

    def _wait(self) -> None:
        if self.tick:
            self.tick()


def _admit(described: list[tuple[str, str, list[int]]], limits: FrameLimits) -> None:
    """Refuse arrays that no answer has, before a byte of them is read."""
    if len(described) > limits.arrays:
        raise FrameError(f"{len(described)} arrays")
    total, seen = 0, set()
    for name, dtype, shape in described:
        if not isinstance(name, str) or len(name) > limits.name_length or name in seen:
            raise FrameError("an array without a name of its own")
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise FrameError("an array of a type that is not allowed")
        if not isinstance(shape, list) or len(shape) > limits.axes:
            raise FrameError("an array with an impossible shape")
        if not all(type(size) is int and 0 <= size <= limits.array_bytes for size in shape):
            raise FrameError("an array with an impossible shape")
        seen.add(name)
        total += math.prod(shape) * np.dtype(dtype).itemsize
        if total > limits.array_bytes:
            raise FrameError(f"more than {limits.array_bytes} bytes of arrays")
