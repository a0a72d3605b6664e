"""Whatever somebody types, it comes to an end without a traceback, and nothing but their words is lost."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drills import judging
from drills.judging import Judged
from drills.steps import Rating
from drills.terminal import editor

CARDS = ("why_warm_the_pot", "leaves", "water", "party", "steeping", "normalize", "columns")
TYPED = (
    st.sampled_from(
        ["", "?", "x", "s", "k", ":k", "1", "2", "4", "a", "all", "none", "1 2", "3*4", "exp(-t/tau)", "."]
    )
    | st.text(max_size=30).filter(lambda text: "\n" not in text and "\r" not in text)
    | st.just("pasted\nin\n\ntwo parts")
    | st.just("9" * 400)
)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(TYPED, max_size=60), tex=st.booleans())
def test_any_lines_are_taken_in(deck, tmp_path_factory, monkeypatch, new_held, encoding, lines, tex):
    monkeypatch.setattr(judging, "judge", lambda exercise, program: Judged("eps" in program, 0.5, "verdict"))
    monkeypatch.setattr(editor, "command", lambda: None)
    talk = new_held(deck, tmp_path_factory.mktemp("records"), *CARDS)
    talk.type(*lines, tex=tex, encoding=encoding, to_the_end=False)
    for outcome in talk.outcomes:
        assert 0 <= outcome.credit <= 1
        assert outcome.rating in Rating
    assert talk.done == (talk.session.step is None)
    reviews = talk.records.reviews()
    assert [review.card for review in reviews] == [outcome.card for outcome in talk.outcomes]
