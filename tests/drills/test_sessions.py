"""A sitting held, cut off, and brought back."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from drills import claims, judging, sittings
from drills.judging import Judged
from drills.records import Records
from drills.replies import ReplyError
from drills.sessions import Session
from drills.steps import AskConfidence, AskNumber, AskText, Rating, Show

ROOT = Path(__file__).parents[2]
QUEUE = ("tea.why_warm_the_pot", "tea.leaves", "tea.water", "tea.party")
ALL = (*QUEUE, "tea.steeping", "tea.normalize", "tea.columns")


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "drills.sqlite")


def begun(deck, records, queue=QUEUE, **options):
    return Session(deck.cards, records, sittings.begin(records, "drill", queue, 5), **options)


def back(deck, session, records):
    """The sitting, picked up by another process: nothing but the file is left."""
    session.leave()
    again = Records(records.path)
    sitting = sittings.pick_up(again, "drill")
    assert sitting is not None
    return Session(deck.cards, again, sitting)


def to_a_question(session):
    while isinstance(session.step, Show):
        session.reply()


def told(seen):
    return [(said.step, said.reply) for said in seen]


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_cut_off_anywhere_it_stands_where_it_stood(deck, fitting, tmp_path_factory, monkeypatch, data):
    monkeypatch.setattr(judging, "judge", lambda exercise, program: Judged("pass" in program, 0.0, "verdict"))
    records = Records(tmp_path_factory.mktemp("records") / "drills.sqlite")
    session = begun(deck, records, ALL)
    while session.step is not None:
        session.reply(data.draw(fitting(session.step)))
        if session.step is None or data.draw(st.integers(0, 7)):
            continue
        to_a_question(session)
        before = (session.step, session.place, told(session.seen), session.outcomes)
        session = back(deck, session, records)
        to_a_question(session)  # which it stands at, unless there was no reply at all
        assert (session.step, session.place, told(session.seen), session.outcomes) == before
        assert not session.notices
    reviews = Records(records.path).reviews()
    assert [review.card for review in reviews] == list(ALL)
    assert [review.credit for review in reviews] == [outcome.credit for outcome in session.outcomes]
    assert records.unfinished() == []


def test_a_review_holds_what_came_of_the_card(deck, records):
    now = [0.0]
    session = begun(deck, records, ("tea.leaves",), watch=lambda: now[0])
    to_a_question(session)
    session.reply(0.9)
    now[0] = 12.0
    session.reply("1000")
    to_a_question(session)
    session.reply(Rating.HARD)
    assert (session.step, session.card, session.minutes_left) == (None, None, 0)
    (review,) = records.reviews()
    assert (review.card, review.rating, review.computed) == ("tea.leaves", Rating.HARD, Rating.AGAIN)
    assert (review.credit, review.confidence, review.seconds) == (0.0, 0.9, 12.0)
    assert (review.said, review.missed) == (("1000",), ("the number",))


def test_time_away_does_not_count(deck, records):
    now = [0.0]
    session = begun(deck, records, ("tea.leaves",), watch=lambda: now[0])
    to_a_question(session)
    now[0] = 3.0
    session.reply(0.9)
    now[0] = 100_000.0
    session.leave()
    session = Session(deck.cards, records, sittings.pick_up(records, "drill"), watch=lambda: now[0])
    now[0] += 4.0
    session.reply("1")
    to_a_question(session)
    session.reply(None)
    assert records.reviews()[0].seconds == 7.0


def test_a_reply_that_does_not_fit_changes_nothing(deck, records):
    session = begun(deck, records, ("tea.leaves",))
    to_a_question(session)
    session.reply(0.9)
    step, noted = session.step, len(records.unfinished()[0].replies)
    assert isinstance(step, AskNumber)
    with pytest.raises(ReplyError):
        session.reply("2 +")
    assert session.step is step
    assert len(records.unfinished()[0].replies) == noted


def test_a_draft_survives(deck, records):
    session = begun(deck, records)
    to_a_question(session)
    session.reply(0.5)
    assert isinstance(session.step, AskText)
    session.draft = "It takes"
    session.draft = "It takes\nheat"
    session = back(deck, session, records)
    assert isinstance(session.step, AskText)
    assert session.draft == "It takes\nheat"
    session.reply("It takes\nheat from the water")
    assert session.draft == ""
    assert back(deck, session, records).draft == ""


def test_interrupted_while_a_program_is_judged_it_is_judged_when_it_is_picked_up(deck, records, monkeypatch):
    def interrupted(exercise, program):
        raise KeyboardInterrupt

    monkeypatch.setattr(judging, "judge", interrupted)
    session = begun(deck, records, ("tea.normalize",))
    to_a_question(session)
    session.reply(0.5)
    with pytest.raises(KeyboardInterrupt):
        session.reply("a program")
    assert session.step is None
    with pytest.raises(ReplyError, match="over"):
        session.reply("another")
    monkeypatch.setattr(judging, "judge", lambda exercise, program: Judged(True, 1.0, f"saw {program}"))
    session = Session(deck.cards, records, sittings.pick_up(records, "drill"))
    assert "saw a program" in str(session.seen)
    session.reply(None)
    assert records.reviews()[0].rating == Rating.GOOD


def test_a_program_is_judged_once(deck, records, monkeypatch):
    judged = []

    def judge(exercise, program):
        judged.append(program)
        return Judged(False, 0.5, f"saw {program}", "infonce.l2_normalize:batch_axis")

    monkeypatch.setattr(judging, "judge", judge)
    session = begun(deck, records, ("tea.normalize", "tea.water"))
    to_a_question(session)
    session.reply(0.5)
    session.reply("a program")
    session = back(deck, session, records)
    session.reply("another")
    before = told(session.seen)
    session = back(deck, session, records)
    assert told(session.seen)[: len(before)] == before
    assert "saw a program" in str(before)
    assert judged == ["a program", "another"]


def test_a_card_that_is_left_out_has_no_review(deck, records):
    session = begun(deck, records)
    to_a_question(session)
    session.reply(0.5)
    session.skip()
    assert (session.card.id, session.place) == ("tea.leaves", 1)
    session = back(deck, session, records)
    assert (session.card.id, session.place, session.outcomes) == ("tea.leaves", 1, [])
    for _ in range(3):
        session.skip()
    assert session.step is None
    assert records.reviews() == []
    with pytest.raises(ReplyError, match="over"):
        session.skip()
    with pytest.raises(ReplyError, match="over"):
        session.reply()


def test_a_card_that_has_changed_begins_anew(deck, records):
    session = begun(deck, records)
    to_a_question(session)
    session.reply(0.5)
    session.reply("some words")
    # The id now belongs to a card of another kind, which words do not fit.
    changed = deck.cards["tea.water"].model_copy(update={"id": "tea.why_warm_the_pot"})
    other = MappingProxyType({**deck.cards, "tea.why_warm_the_pot": changed})
    session.leave()
    session = Session(other, records, sittings.pick_up(records, "drill"))
    assert session.notices == ["The card tea.why_warm_the_pot has changed since: it begins anew."]
    to_a_question(session)
    session.reply(0.9)
    before = session.step
    session.leave()
    session = Session(other, records, sittings.pick_up(records, "drill"))
    assert (session.step, session.notices) == (before, [])


def test_a_card_that_has_changed_after_it_was_answered_stays_answered(deck, records):
    session = begun(deck, records)
    to_a_question(session)
    for reply in (0.5, "some words", "more words", [0], None):
        session.reply(reply)
        to_a_question(session)
    session.reply(0.9)  # on the second card
    before = (session.step, session.place)
    for shorter in ("tea.water", "tea.normalize"):  # fewer replies, and others
        changed = deck.cards[shorter].model_copy(update={"id": "tea.why_warm_the_pot"})
        other = MappingProxyType({**deck.cards, "tea.why_warm_the_pot": changed})
        session.leave()
        session = Session(other, records, sittings.pick_up(records, "drill"))
        assert (session.step, session.place, session.notices) == (*before, [])
    assert [review.card for review in records.reviews()] == ["tea.why_warm_the_pot"]


def test_a_card_that_is_gone_is_left_out(deck, records):
    session = begun(deck, records, ("tea.milk", "tea.leaves", "tea.sugar"))
    assert (session.card.id, len(session.notices)) == ("tea.leaves", 1)
    assert session.minutes_left == 1
    session.skip()
    assert session.step is None
    assert "tea.sugar" in session.notices[1]


def test_without_a_file_it_works_all_the_same(deck):
    said = []
    records = Records(None, said.append)
    session = begun(deck, records, ("tea.water",))
    while session.step is not None:
        session.reply(None)
    assert [review.card for review in records.reviews()] == ["tea.water"]
    assert said == []


def test_a_sitting_that_somebody_is_at_is_not_handed_out(deck, records):
    first, second = begun(deck, records), begun(deck, records)
    assert sittings.pick_up(records, "drill") is None
    assert sittings.pick_up(records, "interview") is None
    first.leave()
    second.leave()
    latest = sittings.pick_up(records, "drill")
    assert latest.id == second._sitting.id
    assert sittings.pick_up(records, "drill").id == first._sitting.id
    assert sittings.pick_up(records, "drill") is None


PROCESS = """
import sys
from pathlib import Path
from drills import sittings
from drills.deck import load
from drills.records import Records
from drills.sessions import Session
from drills.steps import Show

records = Records(Path(sys.argv[1]))
deck = load(Path(sys.argv[2]))
sitting = sittings.pick_up(records, "drill")
print(sitting and sitting.id, flush=True)
if sitting:
    session = Session(deck.cards, records, sitting)
    while isinstance(session.step, Show):
        session.reply()
    session.reply(0.7)
    session.draft = "half an ans"
    print("typed", flush=True)
    sys.stdin.read()
"""


def test_killed_outright_it_loses_nothing_and_lets_go(deck, records):
    begun(deck, records).leave()
    arguments = [sys.executable, "-c", PROCESS, str(records.path), str(ROOT / "tests" / "drills" / "cards")]
    with subprocess.Popen(
        arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        held = process.stdout.readline().strip()
        assert process.stdout.readline() == "typed\n"
        # While it lives, nobody else gets the sitting: neither here nor in a third process.
        assert sittings.pick_up(records, "drill") is None
        third = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True, input="")
        assert third.stdout == "None\n"
        os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
    sitting = sittings.pick_up(records, "drill")
    assert sitting.id == held
    session = Session(deck.cards, records, sitting)
    assert isinstance(session.step, AskText)
    assert [said.reply for said in session.seen if isinstance(said.step, AskConfidence)] == [0.7]
    assert session.draft == "half an ans"


def test_claims_are_given_up_by_name_only(tmp_path):
    path = tmp_path / "new" / "drills.sqlite"
    assert claims.claim(path, "a")
    assert not claims.claim(path, "a")
    assert claims.claim(path, "b")
    claims.release(path, "a")
    claims.release(path, "a")
    assert claims.claim(path, "a")
    assert not claims.claim(path, "b")
    assert claims.claim(None, "a")
    assert claims.claim(None, "a")


def test_where_no_lock_can_be_made_the_session_goes_on():
    blocked = Path(os.devnull) / "drills.sqlite"
    assert claims.claim(blocked, "a")
