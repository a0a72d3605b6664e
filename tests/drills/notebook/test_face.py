"""A session held in widgets is the session that is held anywhere."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from hands import first_button, give, press

from drills import interview, judging, sittings
from drills.judging import Judged
from drills.records import Records
from drills.sessions import Session
from drills.steps import AskCode, AskConfidence, AskNumber, AskRating, AskText, Show, Tick

ALL = (
    "tea.why_warm_the_pot",
    "tea.leaves",
    "tea.water",
    "tea.party",
    "tea.steeping",
    "tea.normalize",
    "tea.columns",
)


def words(widget):
    """All that a widget shows, as HTML."""
    own = (
        getattr(widget, "value", "")
        if "HTML" in type(widget).__name__
        else getattr(widget, "description", "")
    )
    return own + "".join(words(child) for child in getattr(widget, "children", ()))


def to(face, kind):
    """Go on until something of this kind is asked."""
    while not isinstance(face.session.step, kind):
        give(face, [] if isinstance(face.session.step, Tick) else None)


def as_widgets_say(step, reply):
    """A reply that the widgets take: where a session would take an empty answer, they ask again."""
    if not isinstance(reply, str) or isinstance(step, AskText):
        return reply
    given = step.starter if isinstance(step, AskCode) else ""
    return None if reply.strip() in ("", given.strip()) else reply


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_the_same_replies_come_to_the_same(begin, face, fitting, tmp_path_factory, monkeypatch, data):
    monkeypatch.setattr(judging, "judge", lambda exercise, program: Judged("pass" in program, 0.0, "verdict"))
    alone = begin(Records(tmp_path_factory.mktemp("alone") / "drills.sqlite"), *ALL)
    records = Records(tmp_path_factory.mktemp("face") / "drills.sqlite")
    held = face(session=begin(records, *ALL))
    while alone.step is not None:
        if isinstance(alone.step, Show):
            alone.reply()
            continue
        assert held.session.step == alone.step
        reply = as_widgets_say(alone.step, data.draw(fitting(alone.step)))
        alone.reply(reply)
        give(held, reply)
    assert held.session.step is None

    def without_time(outcomes):
        return [(o.card, o.credit, o.rating, o.said, o.missed) for o in outcomes]

    assert without_time(held.session.outcomes) == without_time(alone.outcomes)
    for outcome in held.session.outcomes:
        assert outcome.card in words(held)
    assert "finished" in words(held)


def test_what_is_shown_stays_until_the_next_card(face):
    held = face("tea.leaves", "tea.water")
    give(held, 0.7)
    give(held, "3")
    assert "How many grams" in words(held)
    assert "Not right" in words(held)
    assert "<code>3</code>" in words(held)
    give(held, None)
    assert "How many grams" not in words(held)
    assert "green tea" in words(held)
    assert "Card 2 of 2" in words(held)


def test_an_answer_that_does_not_fit_stands_beside_what_is_wrong(face):
    held = face("tea.leaves")
    to(held, AskNumber)
    give(held, "three")
    assert isinstance(held.session.step, AskNumber)
    assert held.asked.typed.value == "three"
    assert "three" in held.asked.trouble.value
    assert 'role="alert"' in held.asked.trouble.value
    give(held, "15")
    assert isinstance(held.session.step, AskRating)


@pytest.mark.parametrize(("card", "kind"), [("tea.why_warm_the_pot", AskText), ("tea.leaves", AskNumber)])
def test_nothing_typed_is_no_answer(face, card, kind):
    held = face(card)
    to(held, kind)
    press(held, first_button(held))
    assert isinstance(held.session.step, kind)
    assert "Nothing is typed yet" in held.asked.trouble.value


def test_enter_answers(face):
    held = face("tea.leaves")
    to(held, AskNumber)
    held.asked.typed.value = "3"
    held.asked.typed._handle_custom_msg({"event": "submit"}, [])
    assert isinstance(held.session.step, AskRating)


def test_only_one_option_is_chosen(face):
    held = face("tea.water")
    to(held, type(None) if held.session.step is None else AskConfidence)
    give(held, None)
    radios = [row.children[0] for row in held.asked.inputs]
    press(held, "Answer")
    assert "Choose one" in held.asked.trouble.value
    for radio in radios:
        radio.value = radio.options[0]
        assert [other.value is not None for other in radios] == [other is radio for other in radios]
    press(held, "Answer")
    (chosen,) = (said.reply for said in held.session.seen if said.reply is not None)
    assert chosen == len(radios) - 1


def test_what_was_typed_is_there_after_a_restart(deck, face, records):
    held = face("tea.why_warm_the_pot")
    give(held, 0.3)
    held.asked.typed.value = "It takes he"
    held.stop()
    again = Records(records.path)
    session = Session(deck.cards, again, sittings.pick_up(again, "drill"))
    held = face(session=session)
    assert isinstance(held.session.step, AskText)
    assert held.asked.typed.value == "It takes he"
    assert "Going on with the cards of" in words(held)
    assert "<b>30 %</b>" in words(held)


def test_stopping_keeps_the_last_keys_too(face):
    held = face("tea.why_warm_the_pot")
    give(held, 0.3)
    typed = held.asked.typed
    typed._view_count = 1
    typed.value = "It takes he"
    held._foot.children[-1].click()
    typed.set_state({"value": "It takes heat", "_view_count": 0})  # what the page sends with its view's end
    assert held.asked is None
    assert held.session.draft == "It takes heat"


def test_a_draft_is_kept_when_typing_pauses(face, monkeypatch):
    held = face("tea.why_warm_the_pot")
    now = [100.0]
    monkeypatch.setattr(held._draft, "_now", lambda: now[0])
    give(held, 0.3)
    held.asked.typed.value = "a"
    held._tick()
    assert held.session.draft == ""
    now[0] += 2
    held._tick()
    assert held.session.draft == "a"
    give(held, "a pot is cold")
    now[0] += 9
    held._tick()
    assert held.session.draft == "", "an answered question has no draft"


def test_a_program_is_judged_while_the_page_says_so(face, monkeypatch):
    judged, seen = threading.Event(), {}

    def judge(exercise, program):
        judged.wait(20)
        return Judged(True, 1.0, "passed")

    monkeypatch.setattr(judging, "judge", judge)
    held = face("tea.normalize")
    to(held, AskCode)
    held.asked.typed.value = "def l2_normalize(x, eps): pass"
    held.asked.buttons["Run the checks"].click()
    seen["trouble"], seen["locked"] = held.asked.trouble.value, held.asked.typed.disabled
    judged.set()
    held.wait()
    assert "Running the checks" in seen["trouble"]
    assert seen["locked"]
    assert isinstance(held.session.step, AskRating)
    assert "Passed" in words(held)


def test_it_can_be_stopped_while_a_program_is_judged(deck, face, records, monkeypatch):
    judged = threading.Event()
    monkeypatch.setattr(judging, "judge", lambda *_: judged.wait(20) and Judged(False, 0.5, "no"))
    held = face("tea.normalize")
    to(held, AskCode)
    held.asked.typed.value = "def l2_normalize(x, eps): pass"
    held.asked.buttons["Run the checks"].click()
    held.stop()
    assert "stopped" in words(held)
    judged.set()
    held.wait()
    assert "stopped" in words(held)
    again = Records(records.path)
    session = Session(deck.cards, again, sittings.pick_up(again, "drill"))
    assert [said.reply for said in session.seen if isinstance(said.step, AskCode)] == [
        "def l2_normalize(x, eps): pass"
    ]


def test_an_unforeseen_fault_is_said_and_not_swallowed(face, monkeypatch):
    def judge(exercise, program):
        raise RuntimeError("no room")

    monkeypatch.setattr(judging, "judge", judge)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    held = face("tea.normalize")
    to(held, AskCode)
    give(held, "def l2_normalize(x, eps): pass")
    assert "RuntimeError: no room" in words(held)


def test_a_card_can_be_skipped_and_the_rest_left(face, records):
    held = face("tea.leaves", "tea.water")
    skip, stop = held._foot.children
    skip.click()
    assert held.session.card.id == "tea.water"
    stop.click()
    assert "No card was answered" in words(held)
    assert "stopped" in words(held)
    assert held._foot.layout.display == "none"
    assert records.reviews() == []


def test_an_interview_is_held_to_its_scorecard(deck, face, records):
    queue = ("tea.why_warm_the_pot", "tea.leaves")
    session = interview.InterviewSession(deck.cards, records, interview.begin(records, queue, 20, 3))
    held = face(session=session)
    assert [button.description for button in held._foot.children] == ["Stop here"]
    assert "No hints" in words(held)
    beside = False
    while held.session.step is not None:
        give(held, [] if isinstance(held.session.step, Tick) else None)
        beside = beside or "A weak one" in words(held)
    assert beside, "a strong and a weak answer stand side by side"
    assert "Scorecard" in words(held)
    assert "Discussion" not in words(held), "it stands before the first card that is discussed"
    assert "How it went" not in words(held)


def test_nothing_of_a_card_is_left_behind_in_the_kernel(face):
    import ipywidgets

    held = face("tea.leaves", "tea.leaves", "tea.leaves", "tea.leaves")
    counts = []
    for _ in range(3):
        give(held, 0.5)
        give(held, "3")
        give(held, None)
        counts.append(len(ipywidgets.widgets.widget._instances))
    assert counts[1] == counts[2]


def test_the_clock_of_a_card_goes_on_while_it_is_answered(face, monkeypatch):
    now = [0.0]
    held = face("tea.steeping")
    monkeypatch.setattr(held._watch, "_now", lambda: now[0])
    give(held, 0.5)
    held._watch.reset()
    give(held, "some words")
    now[0] = 70
    held._tick()
    assert "1:10 of 5:00" in words(held)
    give(held, "t")
    assert "1:10 of 5:00" in words(held)
    now[0] = 301
    held._tick()
    assert "5:01 of 5:00, over time" in words(held)


def test_where_no_widget_is_shown_a_sentence_is(face):
    bundle = face("tea.leaves")._repr_mimebundle_()
    assert "course drill" in bundle["text/plain"]
    assert not bundle["text/plain"].endswith("…")
