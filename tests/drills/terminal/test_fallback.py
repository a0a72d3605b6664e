"""Characters that a terminal lacks."""

import io
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.terminal.fallback import nearest, speak_plainly


@pytest.mark.parametrize(
    ("character", "near"),
    [
        ("“", '"'),
        ("−", "-"),
        ("×", "x"),
        ("≤", "<="),
        ("τ", "tau"),
        ("Σ", "sum"),
        ("²", "2"),
        ("é", "e"),
        ("你", "?"),
    ],
)
def test_the_nearest_in_ascii(character, near):
    assert nearest(character) == near


def written(text, encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    speak_plainly(stream)
    stream.write(text)
    stream.flush()
    return raw.getvalue().decode(encoding)


@given(st.text(), st.sampled_from(["ascii", "cp1252", "cp437", "latin-1", "utf-8", "shift_jis"]))
def test_anything_can_be_written(text, encoding):
    shown = written(text, encoding)
    if text.isascii():
        assert shown == text


def test_what_there_is_stays():
    assert written("½ × τ − “x”", "cp1252") == "½ × tau - “x”"
    assert written("½ × τ", "utf-8") == "½ × τ"


def test_every_character_has_something_near():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character)[0] in "LNPS":
            assert nearest(character).isascii()


def test_a_stream_that_cannot_be_changed_is_left_alone():
    stream = io.StringIO()
    speak_plainly(stream)
    stream.write("τ")
    assert stream.getvalue() == "τ"
