"""Outputs from a student's process: valid whatever was sent, limited without changing a score."""

from __future__ import annotations

import copy
import json
import time

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.preprocessors import LimitOutput
from nbgrader.utils import determine_grade

from autograder.classroom.outputs import CUT, MOST, clean, limit_lines, was_cut

MIB = 1 << 20
KNOWN = [
    new_output("stream", name="stdout", text="a\nb\n"),
    new_output("stream", name="stderr", text="careful"),
    new_output("execute_result", {"text/plain": "3.0", "text/html": "<b>3</b>"}, execution_count=4),
    new_output("execute_result", {"text/plain": "x"}),
    new_output(
        "display_data",
        {"image/png": "iVBOR\n", "text/plain": "<Figure>"},
        metadata={"image/png": {"width": 3}},
    ),
    new_output(
        "display_data", {"application/vnd.widget-view+json": {"model_id": "a", "n": [1, 2.5, None, True]}}
    ),
    new_output("error", ename="ValueError", evalue="no", traceback=["one\ntwo", "three", ""]),
]


def valid(outputs):
    """The outputs, if a notebook with them can be validated and written."""
    notebook = new_notebook(cells=[new_code_cell("x", outputs=outputs, id="x")])
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()
    json.loads(nbformat.writes(notebook), parse_constant=lambda name: pytest.fail(name))
    return outputs


def size(outputs):
    return len(json.dumps(outputs, ensure_ascii=False).encode())


def graded(outputs):
    marks = {"grade": True, "solution": False, "grade_id": "x", "points": 3, "locked": True}
    return determine_grade(new_code_cell("x", outputs=outputs, metadata={"nbgrader": marks}))[0]


def test_what_a_kernel_sends_stays_as_it_is():
    assert valid(clean(copy.deepcopy(KNOWN), MIB)) == KNOWN
    assert clean([], MIB) == []


def test_the_sender_keeps_no_hold_on_what_was_cleaned():
    sent = copy.deepcopy(KNOWN)
    kept = clean(sent, MIB)
    sent[4]["metadata"]["image/png"]["width"] = "changed"
    sent[6]["traceback"].clear()
    assert kept == KNOWN


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}, {"name": "stdout", "text": "a\nb"}),
        ({"output_type": "stream", "name": "other", "text": "a"}, {"name": "stdout", "text": "a"}),
        ({"output_type": "stream", "text": "\ud800", "more": 1}, {"name": "stdout", "text": "\ufffd"}),
        ({"output_type": "display_data", "data": {"text/plain": "a"}, "transient": {"display_id": "x"}}, {"data": {"text/plain": "a"}, "metadata": {}}),
        ({"output_type": "display_data", "data": {"text/plain": ["a", "b"], "text/html": 3}, "metadata": 3}, {"data": {"text/plain": "ab"}, "metadata": {}}),
        ({"output_type": "execute_result", "data": {"application/json": {"\ud800": float("nan")}}, "execution_count": True}, {"data": {"application/json": {"\ufffd": None}}, "metadata": {}, "execution_count": None}),
        ({"output_type": "execute_result", "data": {"text/plain": "a"}, "execution_count": -1}, {"data": {"text/plain": "a"}, "metadata": {}, "execution_count": None}),
        ({"output_type": "error", "ename": 3, "traceback": ["a", 3, "\udfff"]}, {"ename": "", "evalue": "", "traceback": ["a", "", "\ufffd"]}),
        ({"output_type": "error", "ename": "E", "evalue": "v", "traceback": "no list"}, {"ename": "E", "evalue": "v", "traceback": []}),
    ],
)  # fmt: skip
def test_what_is_odd_is_made_fit(sent, kept):
    (output,) = valid(clean([sent], MIB))
    assert output == {"output_type": sent["output_type"]} | kept


@pytest.mark.parametrize(
    "sent",
    [
        None,
        3,
        "stream",
        [],
        {},
        {"output_type": "stream"},
        {"output_type": "stream", "text": ""},
        {"output_type": "stderr", "text": "x"},
        {"output_type": "clear_output", "wait": True},
        {"output_type": "update_display_data", "data": {"text/plain": "a"}},
        {"output_type": ["stream"], "text": "a"},
        {"output_type": "display_data"},
        {"output_type": "display_data", "data": {}},
        {"output_type": "display_data", "data": {"text/plain": None, "text/html": [1], "image/png": {}}},
        {"output_type": "pyout", "text": "a"},
    ],
)
def test_what_is_no_output_is_dropped(sent):
    assert clean([sent, KNOWN[0]], MIB) == [KNOWN[0]]


@pytest.mark.parametrize("sent", [None, 3, "x", {}, {"a": 1}, True])
def test_what_is_no_list_has_no_outputs(sent):
    assert clean(sent, MIB) == []


def test_50_mb_on_one_line_are_cut_to_the_limit():
    started = time.perf_counter()
    outputs = valid(clean([{"output_type": "stream", "name": "stdout", "text": "a" * (50 << 20)}], MIB))
    assert time.perf_counter() - started < 5
    assert len(outputs[0].text) == MIB
    assert outputs[-1].text == f"{CUT}: a cell can show 1,048,576 bytes ...\n"
    assert outputs[-1].name == "stdout"  # on stderr it would cost the points
    assert was_cut(outputs)


def test_the_limit_is_in_bytes_and_cuts_no_character():
    outputs = valid(clean([{"output_type": "stream", "name": "stdout", "text": "é" * 100}], 101))
    assert outputs[0].text == "é" * 50


def test_what_fits_is_not_cut():
    outputs = clean([{"output_type": "stream", "name": "stdout", "text": "a" * 100}], 100)
    assert [output.text for output in outputs] == ["a" * 100]
    assert not was_cut(outputs)


@pytest.mark.parametrize(
    "flood",
    [
        [{"output_type": "stream", "name": "stdout", "text": "a" * 1000}] * 20_000,
        [{"output_type": "stream", "name": "stderr", "text": "a" * 1000}] * 20_000,
        [{"output_type": "stream", "name": "stdout", "text": "a"}] * 100_000,
        [{"output_type": "display_data", "data": {"text/plain": ""}}] * 100_000,
        [{"output_type": "display_data", "data": {"text/html": "b" * 5000}}] * 1000,
        [{"output_type": "display_data", "data": {"text/plain": "a"}, "metadata": {"x": "y" * 5000}}] * 1000,
        [{"output_type": "display_data", "data": {f"a/{i}": "" for i in range(200_000)}}],
        [{"output_type": "display_data", "data": {"application/json": [[]] * 500_000}}],
        [{"output_type": "display_data", "data": {"x" * 5_000_000: "a", "text/plain": "b"}}],
        [{"output_type": "error", "ename": "E" * 5000, "evalue": "v" * 5000, "traceback": ["t" * 5000] * 9}]
        * 1000,
        [{"output_type": "error", "ename": "", "evalue": "", "traceback": ["t" * 9000] * 100_000}],
        [{"output_type": "error", "ename": "", "evalue": "", "traceback": [""] * 1_000_000}],
        [{"output_type": "execute_result", "data": {"text/plain": "a" * 5000}}] * 1000,
    ],
    ids=range(13),
)
def test_no_flood_is_larger_than_the_limit(flood):
    limit = 200_000
    outputs = valid(clean(flood, limit))
    overhead = 200 * MOST  # keys, and the little that is kept for the score
    assert size(outputs) < limit + overhead
    assert len(outputs) <= MOST + 4
    assert was_cut(outputs)


FLOOD = [{"output_type": "stream", "name": "stdout", "text": "a" * 1000}] * 2000
MANY = [{"output_type": "stream", "name": "stdout", "text": "a"}] * (MOST + 10)
ERROR = {
    "output_type": "error",
    "ename": "AssertionError",
    "evalue": "no" * 50_000,
    "traceback": ["t" * 50_000] * 99,
}
VALUE = {"output_type": "execute_result", "data": {"text/html": "b" * 50_000, "text/plain": "1.25"}}
WARNED = {"output_type": "stream", "name": "stderr", "text": "w" * 50_000}


@pytest.mark.parametrize("before", [[], FLOOD, MANY, KNOWN[:1]], ids=["nothing", "flood", "many", "line"])
@pytest.mark.parametrize(
    ("decisive", "score"),
    [([ERROR], 0), ([VALUE], 1.25), ([WARNED], 0), ([VALUE, ERROR], 1.25), ([ERROR, VALUE], 0), ([WARNED, VALUE], 0), ([], 3)],
)  # fmt: skip
def test_no_limit_changes_a_score(before, decisive, score):
    """After a flood an error that is dropped would be full marks, and so would a value."""
    for limit in (0, 1000) if before is MANY else (0, 1, 1000, MIB):
        outputs = valid(clean([*before, *decisive], limit))
        assert graded(outputs) == score
        if before in (FLOOD, MANY) or limit < 1000:
            assert size(outputs) < limit + 300 * len(outputs) + 50_000


LINES = st.lists(st.integers(0, 14), max_size=8)


@st.composite
def shown(draw):
    """Outputs with all kinds of lengths around the limits that they are tried with."""
    outputs = []
    for lines in draw(LINES):
        kind = draw(st.sampled_from(["stdout", "stderr", "error", "display"]))
        text = "\n".join("x" * (i % 3) for i in range(lines)) + draw(st.sampled_from(["", "\n"]))
        if kind == "error":
            outputs.append(new_output("error", ename="E", evalue="v", traceback=text.split("\n")))
        elif kind == "display":
            outputs.append(new_output("display_data", {"text/plain": text}))
        else:
            outputs.append(new_output("stream", name=kind, text=text))
    return outputs


@settings(max_examples=200, deadline=None)
@given(
    outputs=shown(),
    max_lines=st.integers(1, 12) | st.just(-1),
    max_traceback=st.integers(1, 12) | st.just(-1),
)
def test_lines_are_limited_as_nbgrader_does(outputs, max_lines, max_traceback):
    theirs = LimitOutput(max_lines=max_lines, max_traceback=max_traceback)
    cell = new_code_cell("x", outputs=copy.deepcopy(outputs))
    theirs.preprocess_cell(cell, {}, 0)
    sent = copy.deepcopy(outputs)
    assert limit_lines(outputs, max_lines, max_traceback) == cell.outputs
    assert outputs == sent  # not changed in place


def test_nbgraders_own_limits_are_the_usual_ones():
    outputs = [
        new_output("stream", name="stdout", text="x\n" * 1500),
        new_output("error", ename="E", evalue="v", traceback=["t"] * 300),
    ]
    cell = new_code_cell("x", outputs=copy.deepcopy(outputs))
    LimitOutput().preprocess_cell(cell, {}, 0)
    assert limit_lines(outputs) == cell.outputs
    assert was_cut(limit_lines(outputs))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
TYPES = st.sampled_from(["stream", "error", "display_data", "execute_result", "clear_output"])
MIMES = st.sampled_from(
    ["text/plain", "text/html", "image/png", "application/json", "application/x+json", "\ud800"]
)
OUTPUT = st.fixed_dictionaries(
    {"output_type": TYPES | JSON},
    optional={
        "name": st.sampled_from(["stdout", "stderr"]) | JSON,
        "text": st.text(st.characters(), max_size=20) | JSON,
        "data": st.dictionaries(MIMES, JSON, max_size=3) | JSON,
        "metadata": JSON,
        "execution_count": JSON,
        "ename": JSON,
        "evalue": JSON,
        "traceback": st.lists(JSON, max_size=3) | JSON,
        "transient": JSON,
    },
)


@settings(max_examples=150, deadline=None)
@given(sent=st.lists(OUTPUT | JSON, max_size=6) | JSON, limit=st.integers(0, 60))
def test_no_json_raises_or_gives_an_invalid_notebook(sent, limit):
    outputs = valid(clean(sent, limit))
    assert clean(copy.deepcopy(outputs), MIB) == outputs
    valid(limit_lines(outputs, 3, 3))


def test_of_a_long_traceback_both_ends_stay():
    sent = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": [f"{i}" for i in range(50_000)]}
    outputs = clean([sent], MIB)
    assert was_cut(outputs)
    assert limit_lines(outputs)[0] == limit_lines([new_output(**sent)])[0]


@pytest.mark.parametrize("depth", [50, 99, 100, 101, 900])
def test_nesting_ends(depth):
    deep = "bottom"
    for _ in range(depth):
        deep = {"a": [deep]} if depth % 2 else [deep]
    sent = [{"output_type": "display_data", "data": {"application/json": deep}, "metadata": {"x": deep}}]
    valid(clean(sent, MIB))


def test_integers_that_python_does_not_write():
    sent = [
        {"output_type": "display_data", "data": {"application/json": 10**5000}, "metadata": {"x": 10**5000}}
    ]
    valid(clean([*sent, *KNOWN], MIB))
