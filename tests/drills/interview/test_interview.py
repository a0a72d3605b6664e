"""A mock interview: nothing is revealed before its end, follow-ups depend on how it went, all of it is kept."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drills import judging
from drills.interview import InterviewError, InterviewSession, begin, open_interview, write_script
from drills.interview.scorecard import FELT
from drills.judging import Judged
from drills.records import Records
from drills.steps import (
    AskChoice,
    AskCode,
    AskConfidence,
    AskNumber,
    AskRating,
    AskText,
    Beside,
    Rating,
    Show,
    Tick,
)

QUEUE = ("tea.why_warm_the_pot", "tea.party", "tea.normalize", "tea.leaves")
MINUTES = 25.0


class Watch:
    """A stop-watch that somebody else moves."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "drills.sqlite")


@pytest.fixture(autouse=True)
def judged(monkeypatch):
    monkeypatch.setattr(judging, "judge", lambda exercise, text: Judged("passed", True, 1.0, None))


def interview(deck, records, queue=QUEUE, watch=None, seed=3):
    sitting = begin(records, queue, MINUTES, seed)
    return InterviewSession(deck.cards, records, sitting, watch=watch or Watch())


def hold(session, answer):
    """Hold it to its end; returns every step with its reply."""
    steps = []
    while (step := session.step) is not None:
        reply = None if isinstance(step, Show) else answer(step)
        steps.append((step, reply))
        session.reply(reply)
    return steps


def past_shown(session):
    while isinstance(session.step, Show):
        session.reply()


def good(step, felt=0):
    match step:
        case AskText():
            return "an answer"
        case AskNumber():
            return "1"
        case AskCode():
            return "def answer(): pass"
        case AskChoice():
            return felt
        case Tick():
            return list(range(len(step.points)))
    return None


def shown(steps):
    return [step for step, _ in steps if isinstance(step, Show)]


def test_questions_come_first_and_nothing_is_revealed_among_them(deck, records):
    steps = hold(interview(deck, records), good)
    titles = [step.title for step in shown(steps)]
    end = titles.index("Discussion")
    before = [step for step, _ in steps[: [step for step, _ in steps].index(shown(steps)[end])]]
    assert {step.look for step in before if isinstance(step, Show)} == {"question", "note"}
    assert sum(isinstance(step, AskCode) for step in before) == 1
    assert not any(isinstance(step, AskConfidence | AskRating | Tick) for step, _ in steps[: len(before)])
    assert titles[-1] == "Scorecard"


def test_a_strong_and_a_weak_answer_stand_side_by_side(deck, records):
    beside = [step for step in shown(hold(interview(deck, records), good)) if isinstance(step, Beside)]
    card = deck.cards["tea.why_warm_the_pot"]
    assert beside[0].text == card.half_minute
    assert card.weak.answer in beside[0].other
    assert card.weak.lacks in beside[0].other
    assert len(beside) == 2  # of the scenario, too


@pytest.mark.parametrize(("felt", "asked"), [(0, "And in a thin glass?"), (2, "What is heat capacity?")])
def test_follow_ups_depend_on_how_it_went(deck, records, felt, asked):
    steps = hold(interview(deck, records, QUEUE[:1]), lambda step: good(step, felt))
    follow_ups = {one.asks for one in deck.cards[QUEUE[0]].follow_ups}
    assert [step.text for step, _ in steps if isinstance(step, AskText) and step.text in follow_ups] == [
        asked
    ]


def test_who_knows_nothing_gets_the_easier_follow_up_and_is_not_asked_how_it_went(deck, records):
    steps = hold(interview(deck, records, QUEUE[:1]), lambda step: [] if isinstance(step, Tick) else None)
    assert not any(isinstance(step, AskChoice) for step, _ in steps)
    assert "What is heat capacity?" in [step.text for step, _ in steps]


def test_every_card_gets_a_review_and_the_scorecard_says_how_it_went(deck, records):
    session = interview(deck, records)
    steps = hold(session, lambda step: [] if isinstance(step, Tick) else good(step))
    assert [review.card for review in records.reviews()] == list(QUEUE)
    assert not records.unfinished()
    card = shown(steps)[-1].text
    assert f"| {QUEUE[0]} | 0 % | 0 of 1 | 0:00 | {FELT[0]} |" in card
    assert f"{QUEUE[0]} felt better than it was: 0 % of its points." in card
    assert f"{QUEUE[0]} lacked:\n  - A cold pot takes heat from the water" in card
    assert "`course drill --topic tea`" in card


def test_when_time_is_up_what_is_left_is_not_asked_nor_rated(deck, records):
    watch = Watch()

    def slowly(step):
        watch.seconds += 20 * 60
        return good(step)

    steps = hold(interview(deck, records, watch=watch), slowly)
    [late] = [step.text for step in shown(steps) if step.title == "Time is up"]
    assert late == "3 questions were not reached."
    assert [review.card for review in records.reviews()] == list(QUEUE[:1])


def test_a_program_is_tried_once(deck, records, monkeypatch):
    monkeypatch.setattr(judging, "judge", lambda exercise, text: Judged("wrong", False, 0.5, None))
    steps = hold(interview(deck, records), good)
    assert sum(isinstance(step, AskCode) for step, _ in steps) == 1


def test_brought_back_it_judges_no_program_again(deck, records, monkeypatch):
    judged = []

    def judge(exercise, text):
        judged.append(exercise)
        return Judged("wrong", False, 0.5, None)

    monkeypatch.setattr(judging, "judge", judge)
    session = interview(deck, records)
    while not isinstance(session.step, AskNumber) or not judged:
        session.reply(None if isinstance(session.step, Show) else good(session.step))
    again = Records(records.path)
    [sitting] = again.unfinished()
    other = InterviewSession(deck.cards, again, again.resume(sitting.id), watch=Watch())
    assert other.step == session.step
    assert judged == ["infonce.l2_normalize"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_off_anywhere_it_stands_where_it_stood(deck, fitting, tmp_path_factory, data):
    records = Records(tmp_path_factory.mktemp("interview") / "drills.sqlite")
    session = interview(deck, records)
    for _ in range(data.draw(st.integers(0, 30))):
        if session.step is None:
            break
        session.reply(data.draw(fitting(session.step)))
    past_shown(session)
    again = Records(records.path)
    if session.step is None:
        assert not again.unfinished()
        return
    [sitting] = again.unfinished()
    other = InterviewSession(deck.cards, again, again.resume(sitting.id), watch=Watch())
    past_shown(other)  # whoever has replied nothing yet begins at the beginning
    assert (other.step, other.place, other.minutes) == (session.step, session.place, MINUTES)
    assert other.card is session.card


def test_the_discussion_of_a_card_ends_with_its_rating_though_it_was_given_up(deck, records):
    steps = hold(interview(deck, records), lambda step: [] if isinstance(step, Tick) else None)
    asked = [step for step, _ in steps if not isinstance(step, Show)]
    assert [type(step) for step in asked[-len(QUEUE) :]] == [AskRating] * len(QUEUE)


def test_a_rating_can_be_overridden_as_in_a_drill(deck, records):
    hold(interview(deck, records, QUEUE[3:]), lambda step: 2 if isinstance(step, AskRating) else good(step))
    [review] = records.reviews()
    assert (review.computed, review.rating) == (Rating.AGAIN, Rating.HARD)


def test_a_follow_up_is_discussed_with_what_was_written_to_it(deck, records):
    steps = hold(interview(deck, records, QUEUE[:1]), good)
    [follow_up] = [step for step in shown(steps) if step.title == "A follow-up"]
    following = deck.cards[QUEUE[0]].follow_ups[0]
    for said in (following.asks, following.answer, "an answer"):
        assert said in follow_up.text
    assert steps[-3][0] == Tick("Which of the follow-ups did you answer in substance?", (following.asks,))


def test_a_follow_up_that_was_given_up_cannot_be_ticked(deck, records):
    def reply(step):
        if isinstance(step, AskText) and step.text == deck.cards[QUEUE[0]].follow_ups[0].asks:
            return None
        return good(step)

    steps = hold(interview(deck, records, QUEUE[:1]), reply)
    assert sum(isinstance(step, Tick) for step, _ in steps) == 1  # that of the answer itself
    assert "| 0 of 1 |" in steps[-1][0].text


def test_what_was_written_stands_after_what_was_asked(deck, records):
    [wrote] = [
        step.text
        for step in shown(hold(interview(deck, records, QUEUE[3:]), good))
        if step.title == "You wrote"
    ]
    assert wrote == "Your number\n\n```text\n1\n```"


def test_what_is_said_of_a_number_among_several_stands_after_what_was_asked(deck, records):
    party = deck.cards[QUEUE[1]]
    said = [step.text for step in shown(hold(interview(deck, records, QUEUE[1:2]), good))]
    assert any(text.startswith(f"*{party.numbers[0].asks}*\n\nIt is ") for text in said)


def test_each_question_has_a_heading_and_so_has_its_discussion(deck, records):
    session = interview(deck, records, QUEUE[:1])
    headings = [session.heading]
    part = session.part
    while session.step is not None:
        if session.part != part:
            part = session.part
            headings.append(session.heading)
        session.reply(None if isinstance(session.step, Show) else good(session.step))
    assert headings == [
        "interview of 25 minutes",
        "question 1 of 1 · about 25 min left",
        f"discussion · question 1 of 1 · {QUEUE[0]}",
    ]


@pytest.mark.parametrize(
    ("minutes", "topics", "same"),
    [(None, (), True), (12, (), True), (None, ["tea"], True), (30, (), False)],
)
def test_an_interview_goes_on_if_it_is_the_one_that_is_asked_for(deck, records, minutes, topics, same):
    first = open_interview(deck, records, 12)
    past_shown(first)
    first.reply(None)
    first.leave()
    second = open_interview(deck, records, minutes, topics)
    assert second.resumed == same
    assert second.minutes == (12 if same else minutes)


def test_skipping_is_giving_up(deck, records):
    session = interview(deck, records, QUEUE[:1])
    while session.step is not None:
        session.skip()
    assert [review.credit for review in records.reviews()] == [0.0]


def test_without_any_of_its_cards_it_says_so_and_ends(deck, records):
    session = interview(deck, records, ("tea.gone",))
    assert session.step.text == "None of its cards is in the deck any more."
    session.reply()
    assert session.step is None
    assert not records.unfinished()


@given(seed=st.integers(0, 1000), minutes=st.floats(10, 90))
def test_a_script_has_main_questions_a_program_and_a_number(deck, seed, minutes):
    script = write_script(deck, minutes, (), {}, seed)
    kinds = [deck.cards[id].kind for id in script]
    assert kinds[-1] == "numeric"
    assert kinds[-2] in ("code", "bug")
    assert set(kinds[:-2]) <= {"concept", "scenario", "derivation"}
    assert kinds[:-2]
    assert len(set(script)) == len(script)
    assert script == write_script(deck, minutes, (), {}, seed)


def test_what_is_known_is_asked_less(deck):
    known = {"tea.why_warm_the_pot": 1.0, "tea.party": 0.0, "tea.steeping": 0.0}
    first = [write_script(deck, 15, (), known, seed)[0] for seed in range(200)]
    assert first.count("tea.why_warm_the_pot") < 30


def test_what_cannot_be_asked_for_is_said(deck):
    with pytest.raises(InterviewError, match="An interview takes 10 minutes or more"):
        write_script(deck, 5, (), {}, 0)
    with pytest.raises(InterviewError, match="There is no topic coffee; there are tea"):
        write_script(deck, 25, ["coffee"], {}, 0)
