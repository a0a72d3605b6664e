"""What holds for every card and all replies that fit."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drills import asking, judging
from drills.judging import Judged
from drills.replies import checked
from drills.steps import AskRating, Rating, Show, Tick

LONGEST = 60  # steps
KINDS = ("why_warm_the_pot", "steeping", "leaves", "water", "party", "normalize", "columns")


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), seed=st.integers(0, 2**63))
def test_any_replies_that_fit_come_to_an_end(deck, fitting, monkeypatch, name, data, seed):
    def judge(exercise, program):
        credit = data.draw(st.sampled_from([0.0, 0.5, 1.0]))
        return Judged(credit == 1, credit, "a verdict")

    monkeypatch.setattr(judging, "judge", judge)
    card = deck.cards[f"tea.{name}"]
    seconds = itertools.count(0, data.draw(st.integers(0, 400)))
    talk = asking.ask(card, seed, lambda: float(next(seconds)), judging.judge)
    step, asked, musts = next(talk), [], []
    for _ in range(LONGEST):
        reply = checked(step, data.draw(fitting(step)))
        asked.append(step)
        if isinstance(step, Tick):
            musts = [place for place in step.musts if place not in reply]
        try:
            step = talk.send(reply)
        except StopIteration as end:
            outcome = end.value
            break
    else:
        pytest.fail(f"no end after {LONGEST} steps")

    assert isinstance(asked[0], Show)
    assert asked[0].look == "question"
    assert isinstance(asked[-1], AskRating)
    assert outcome.card == card.id
    assert 0 <= outcome.credit <= 1
    assert outcome.seconds >= 0
    assert (outcome.computed == Rating.AGAIN) >= bool(musts)
    assert (outcome.computed == Rating.AGAIN) >= (outcome.credit < 0.5)
    assert (outcome.computed == Rating.EASY) <= (outcome.credit == 1 and not outcome.missed)
    assert (outcome.computed == Rating.EASY) <= (outcome.confidence is not None)


@pytest.mark.parametrize("name", KINDS)
def test_the_same_replies_give_the_same_conversation(deck, monkeypatch, name):
    monkeypatch.setattr(judging, "judge", lambda exercise, program: Judged(False, 0.0, "a verdict"))

    def steps():
        talk = asking.ask(deck.cards[f"tea.{name}"], 7, lambda: 0.0, judging.judge)
        step = next(talk)
        while True:
            yield step
            try:
                step = talk.send([] if isinstance(step, Tick) else checked(step, None))
            except StopIteration as end:
                yield end.value
                return

    assert list(steps()) == list(steps())
