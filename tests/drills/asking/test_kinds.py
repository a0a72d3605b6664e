"""Each kind of card, from its question to its outcome, with the replies of a script."""

import pytest

from drills import asking, judging, numeric
from drills.judging import Judged
from drills.replies import checked
from drills.steps import (
    AskChoice,
    AskCode,
    AskConfidence,
    AskFormula,
    AskLine,
    AskNumber,
    AskRating,
    AskText,
    Rating,
    Show,
    Tick,
)


class Held:
    """A conversation that was held: its steps, its outcome, and a clock that runs 10 s at each reply."""

    def __init__(self, card, *replies, seed=1, pace=10.0):
        self.steps, self.now = [], 0.0
        self.replies = list(replies)
        talk = asking.ask(card, seed, lambda: self.now, judging.judge)
        step = next(talk)
        while True:
            self.steps.append(step)
            try:
                if isinstance(step, Show):
                    step = talk.send(None)
                else:
                    self.now += pace
                    step = talk.send(checked(step, self.replies.pop(0)))
            except StopIteration as end:
                self.outcome = end.value
                break
        assert not self.replies

    @property
    def asked(self):
        return [type(step) for step in self.steps if not isinstance(step, Show)]

    def before_the_first(self, kind):
        """All that could be read before something of this kind was asked."""
        place = next(place for place, step in enumerate(self.steps) if isinstance(step, kind))
        return "\n".join(str(step) for step in self.steps[: place + 1])

    @property
    def shown(self):
        return "\n".join(f"{step.title}: {step.text}" for step in self.steps if isinstance(step, Show))


@pytest.fixture
def card(deck):
    return lambda name: deck.cards[f"tea.{name}"]


@pytest.fixture
def judged(monkeypatch):
    """What the judge will say, in order; and what it was asked."""

    class Judge(list):
        def __init__(self):
            self.seen = []

        def __call__(self, exercise, program):
            self.seen.append((exercise, program))
            return self.pop(0)

    judge = Judge()
    monkeypatch.setattr(judging, "judge", judge)
    return judge


def test_a_concept(card):
    held = Held(card("why_warm_the_pot"), 0.7, "It cools.", "Not in the pot.", [0, 1], None)
    assert held.asked == [AskConfidence, AskText, AskText, Tick, AskRating]
    outcome = held.outcome
    assert outcome.card == "tea.why_warm_the_pot"
    assert (outcome.credit, outcome.missed) == (0.75, ("How much depends on the two heat capacities",))
    assert (outcome.computed, outcome.rating, outcome.overridden) == (Rating.GOOD, Rating.GOOD, False)
    assert outcome.said == ("It cools.", "Not in the pot.")
    assert outcome.seconds == 30  # confidence, answer, defence; not the reading of the answer
    assert "And in a thin glass?" in held.shown


def test_a_concept_reveals_nothing_before_the_reply(card):
    concept = card("why_warm_the_pot")
    before = Held(concept, None, "", "", [], None).before_the_first(AskText)
    texts = (concept.half_minute, concept.two_minutes.short, concept.pushback.reply, concept.weak.lacks)
    assert not any(text in before for text in texts)
    assert not any(point.says in before for point in concept.rubric)


def test_a_missed_must_means_again_whatever_else_was_said(card):
    held = Held(card("why_warm_the_pot"), 0.9, "", "", [1, 2], None)
    assert (held.outcome.credit, held.outcome.computed) == (0.5, Rating.AGAIN)
    (rating,) = [step for step in held.steps if isinstance(step, AskRating)]
    assert rating.reason == "this must not be missing: A cold pot takes heat from the water"
    assert "What is heat capacity?" in held.shown  # what a weak answer is followed by


def test_who_does_not_know_is_shown_the_answer_and_ticks_nothing(card):
    held = Held(card("why_warm_the_pot"), 0.1, None, None)
    assert held.asked == [AskConfidence, AskText, AskRating]
    assert (held.outcome.credit, held.outcome.computed, len(held.outcome.missed)) == (0, Rating.AGAIN, 3)
    assert "In half a minute" in held.shown


@pytest.mark.parametrize(
    ("confidence", "pace", "rating"),
    [
        (0.9, 10, Rating.EASY),
        (0.7, 10, Rating.EASY),
        (0.5, 10, Rating.GOOD),
        (0.9, 90, Rating.GOOD),
        (None, 10, Rating.GOOD),
    ],
)
def test_easy_is_complete_and_sure_and_in_time(card, confidence, pace, rating):
    held = Held(card("why_warm_the_pot"), confidence, "", "", [0, 1, 2], None, pace=pace)
    assert held.outcome.computed == rating


def test_an_override_is_kept_beside_what_was_computed(card):
    outcome = Held(card("why_warm_the_pot"), 0.5, "", "", [0, 1, 2], 2).outcome
    assert (outcome.computed, outcome.rating, outcome.overridden) == (Rating.GOOD, Rating.HARD, True)


def test_a_number_that_is_right(card):
    posed = numeric.pose(card("leaves"), 1)
    held = Held(card("leaves"), 0.9, f"{posed.answer} g", None)
    assert held.asked == [AskConfidence, AskNumber, AskRating]
    assert (held.outcome.credit, held.outcome.computed) == (1.0, Rating.EASY)
    assert posed.solution not in held.before_the_first(AskNumber)
    assert posed.solution in held.shown


def test_a_number_that_a_mistake_gives(card):
    posed = numeric.pose(card("leaves"), 1)
    cups = posed.values["cups"]
    held = Held(card("leaves"), 0.9, f"3 + {cups}", None)
    assert (held.outcome.credit, held.outcome.computed) == (0.0, Rating.AGAIN)
    assert "You added what has to be multiplied." in held.shown


@pytest.mark.parametrize("gives_up", ["", None])
def test_a_number_that_is_given_up(card, gives_up):
    held = Held(card("leaves"), None, gives_up, None)
    assert held.outcome.computed == Rating.AGAIN
    assert "Not right" not in held.shown


def test_a_choice_is_shuffled_by_the_seed_and_each_option_has_its_reason(card):
    orders = set()
    for seed in range(20):
        held = Held(card("water"), 0.7, 0, None, seed=seed)
        (asked,) = [step for step in held.steps if isinstance(step, AskChoice)]
        orders.add(asked.options)
        right = asked.options[0] == "About 75 °C"
        assert held.outcome.credit == float(right)
        assert held.outcome.computed == (Rating.EASY if right else Rating.AGAIN)
        assert held.outcome.said == (asked.options[0],)
        for reason in ("bitter", "black tea", "takes hours"):
            assert reason in held.shown
            assert reason not in held.before_the_first(AskChoice)
    assert len(orders) == 6
    assert Held(card("water"), 0.7, None, None).outcome.computed == Rating.AGAIN


def test_a_scenario_counts_its_numbers_and_its_points(card):
    held = Held(card("party"), 0.5, "6 / 1.5", "10", "An urn.", "Heat it before.", [0, 1], None)
    assert held.asked == [AskConfidence, AskNumber, AskNumber, AskText, AskText, Tick, AskRating]
    assert held.outcome.credit == 0.75  # one of two numbers, both points
    assert held.outcome.missed == ("How long does that take?",)
    assert "Not right: It is 16 min. Four boils of four minutes." in held.shown
    assert "An urn, since" not in held.before_the_first(AskText)


def test_a_scenario_that_is_given_up_shows_everything(card):
    held = Held(card("party"), None, None, None, None, None)
    assert (held.outcome.credit, held.outcome.computed) == (0, Rating.AGAIN)
    assert "The number: It is 16 min." in held.shown


def test_a_derivation_checks_what_is_typed_and_lets_one_try_again(card):
    held = Held(card("steeping"), 0.5, "in words", "exp(-t*tau)", "exp(-t/tau)", "1 - exp(-t/tau)", [0], None)
    assert held.asked == [AskConfidence, AskText, AskFormula, AskFormula, AskFormula, Tick, AskRating]
    assert "The time constant divides" in held.shown
    assert held.outcome.credit == pytest.approx(2.5 / 3)
    assert held.outcome.missed == ()
    assert held.outcome.computed == Rating.GOOD
    (tick,) = [step for step in held.steps if isinstance(step, Tick)]
    assert tick.points == ("The rate is proportional to what is left in the leaves",)


def test_a_derivation_shows_a_step_only_when_its_formula_is_settled(card):
    held = Held(card("steeping"), 0.5, "", "t", "tau", "t", "tau", [0], None)
    steps = [step for step in held.steps if isinstance(step, AskFormula)]
    last = held.steps.index(steps[1])
    assert "So what is left is" not in "\n".join(str(step) for step in held.steps[: last + 1])
    assert "So what is left is" in held.shown
    assert held.outcome.computed == Rating.AGAIN  # the last step is a must


def test_a_derivation_that_is_given_up_asks_for_no_formula(card):
    held = Held(card("steeping"), 0.1, None, None)
    assert held.asked == [AskConfidence, AskText, AskRating]
    assert (held.outcome.credit, held.outcome.computed) == (0, Rating.AGAIN)


def test_a_program_that_passes_at_once(card, judged):
    judged.append(Judged(True, 1.0, "passed"))
    held = Held(card("normalize"), 0.9, "def l2_normalize(x, eps): ...", None)
    assert (held.outcome.credit, held.outcome.computed) == (1.0, Rating.EASY)
    assert judged.seen == [("infonce.l2_normalize", "def l2_normalize(x, eps): ...")]
    assert card("normalize").solution not in held.before_the_first(AskCode)
    assert card("normalize").solution in held.shown


def test_a_program_that_passes_later_was_hard(card, judged):
    judged += [Judged(False, 0.5, "not yet"), Judged(True, 1.0, "passed")]
    held = Held(card("normalize"), 0.9, "first", "second", None)
    assert (held.outcome.credit, held.outcome.computed) == (0.7, Rating.HARD)
    second = [step for step in held.steps if isinstance(step, AskCode)][1]
    assert second.starter == "first"
    assert card("normalize").solution not in "".join(
        str(s) for s in held.steps[: held.steps.index(second) + 1]
    )


def test_a_program_that_never_passes_is_tried_three_times(card, judged):
    judged += [Judged(False, 0.5, "not yet")] * 3
    held = Held(card("normalize"), 0.9, "first", "second", "third", None)
    assert held.outcome.credit == pytest.approx(0.45 * 0.5)
    assert held.outcome.computed == Rating.AGAIN


@pytest.mark.parametrize("typed", [None, "", "def l2_normalize(x, eps):\n    raise NotImplementedError"])
def test_a_program_that_is_given_up_is_not_judged(card, judged, typed):
    outcome = Held(card("normalize"), None, typed, None).outcome
    assert (outcome.credit, outcome.computed, judged.seen) == (0, Rating.AGAIN, [])


def test_a_bug_is_found_explained_and_fixed(card, judged):
    judged.append(Judged(True, 1.0, "passed"))
    held = Held(card("columns"), 0.7, 2, "The norm runs over the batch.", "fixed", [0, 1], None)
    assert held.asked == [AskConfidence, AskLine, AskText, AskCode, Tick, AskRating]
    assert (held.outcome.credit, held.outcome.computed) == (1.0, Rating.EASY)
    assert "Found:" in held.shown
    assert card("columns").fix not in held.before_the_first(AskCode)


def test_a_bug_that_is_not_fixed_is_asked_again(card, judged):
    held = Held(card("columns"), 0.7, 3, "No idea.", None, [0, 1], None)
    assert held.outcome.credit == pytest.approx(2 / 5)
    assert held.outcome.computed == Rating.AGAIN
    assert held.outcome.missed == ("the line is found", "the fix passes")
    assert "The line:" in held.shown
