"""Frames: what goes in comes out, and what is no frame is refused before it costs anything."""

import json
import socket
import struct
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.classroom.frames import DTYPES, Channel, Closed, FrameError, FrameLimits


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield Channel(ours, FrameLimits(seconds=2.0)), theirs
    ours.close()
    theirs.close()


def frame(header, arrays=(), body=b""):
    text = json.dumps({"header": header, "arrays": list(arrays)}).encode()
    return struct.pack("<Q", len(text)) + text + body


def drain(channel):
    while True:
        channel.receive()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
arrays = hnp.arrays(
    st.sampled_from(sorted(DTYPES)).map(np.dtype),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(json_values, st.dictionaries(st.text(max_size=20), arrays, max_size=4))
def test_what_goes_in_comes_out(header, sent):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Channel(theirs).send(header, sent)
        got, received = Channel(ours, FrameLimits()).receive()
    assert got == header
    assert list(received) == list(sent)
    for name, array in sent.items():
        assert received[name].dtype == array.dtype
        np.testing.assert_array_equal(received[name], array)  # the shape too: a 0-d array stays one
        assert received[name].shape == array.shape


@given(st.binary(max_size=200))
def test_junk_is_refused(junk):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(junk)
        theirs.close()
        with pytest.raises(FrameError):
            drain(Channel(ours, FrameLimits(header_bytes=500)))


HUGE = [["x", "float64", [1 << 20, 1 << 20]]]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (struct.pack("<Q", 1 << 32), "a header of 4294967296 bytes"),
        (struct.pack("<Q", 5) + b"{nope", "cannot be read"),
        (struct.pack("<Q", 200_000) + b"[" * 200_000, "cannot be read"),
        (struct.pack("<Q", 2) + b"{}", "cannot be read"),
        (frame({}, HUGE), "bytes of arrays"),
        (frame({}, [["x", "object", [1]]]), "a type that is not allowed"),
        (frame({}, [["x", "O", [1]]]), "a type that is not allowed"),
        (frame({}, [["x", [["a", "i4"]], [1]]]), "a type that is not allowed"),
        (frame({}, [["x", "<U9", [1]]]), "a type that is not allowed"),
        (frame({}, [["x", "complex128", [1]]]), "a type that is not allowed"),
        (frame({}, [["x", "datetime64[s]", [1]]]), "a type that is not allowed"),
        (frame({}, [["x", "int8", [-1]]]), "an impossible shape"),
        (frame({}, [["x", "int8", [True]]]), "an impossible shape"),
        (frame({}, [["x", "int8", [1.0]]]), "an impossible shape"),
        (frame({}, [["x", "int8", [1] * 17]]), "an impossible shape"),
        (frame({}, [["x", "int8", {"0": 1}]]), "an impossible shape"),
        (frame({}, [["x", "int8", [1]], ["x", "int8", [1]]]), "without a name of its own"),
        (frame({}, [[7, "int8", [1]]]), "without a name of its own"),
        (frame({}, [["x" * 301, "int8", [1]]]), "without a name of its own"),
        (frame({}, [[str(i), "int8", [0]] for i in range(513)]), "513 arrays"),
        (frame({}, [["x", "int8"]]), "cannot be read"),
    ],
)
def test_a_frame_that_no_answer_sends_is_refused(pair, sent, why):
    ours, theirs = pair
    theirs.settimeout(5)
    threading.Thread(target=theirs.sendall, args=(sent,), daemon=True).start()
    with pytest.raises(FrameError, match=why):
        ours.receive()


def test_a_frame_has_to_end_in_time(pair):
    ours, theirs = pair
    over = threading.Event()

    def drip():
        theirs.send(struct.pack("<Q", 1000))
        while not over.wait(0.1):
            theirs.send(b" ")

    dripping = threading.Thread(target=drip)
    dripping.start()
    started = time.monotonic()
    try:
        with pytest.raises(FrameError, match="did not end in time"):
            ours.receive()
    finally:
        over.set()
        dripping.join()
    assert time.monotonic() - started < 4


def test_whoever_does_not_read_does_not_hold_the_sender(pair):
    ours, _ = pair
    with pytest.raises(FrameError, match="did not end in time"):
        ours.send({}, {"x": np.zeros(1 << 22)})


def test_waiting_ends_when_the_tick_says_so():
    ours, theirs = socket.socketpair()
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) == 3:
            raise TimeoutError("enough")

    with ours, theirs, pytest.raises(TimeoutError, match="enough"):
        Channel(ours, FrameLimits(), tick).receive()


def test_the_other_side_may_go(pair):
    ours, theirs = pair
    theirs.sendall(frame({}, [["x", "float64", [4]]], b"half"))
    theirs.close()
    with pytest.raises(Closed, match="closed the connection"):
        ours.receive()
    with pytest.raises(Closed, match="broke"):
        ours.send({}, {"x": np.zeros(1 << 20)})
