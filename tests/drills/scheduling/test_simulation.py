"""A learner whose memory is FSRS's own forgetting curve, for sixty days: what FSRS predicts is what happens.

Everything is drawn from seeds, so each of these numbers is the same in every run. Tolerances are standard
errors of sums of coin tosses with known chances: four of them are passed by chance once in 16,000 times.
"""

import math
import random
from collections import Counter
from datetime import date, timedelta

import pytest
from synthetic import deck

from drills.scheduling import Schedule, forecast, rehearse
from drills.steps import Rating

FIRST = date(2026, 1, 5)
DAY = timedelta(days=1)
DAYS = 60
MINUTES = 30
DECK = deck(topics=16, each=10, minutes=1.5)
SIGMAS = 4


def learner(seed):
    """Knows 60 % of what it never saw, and of the rest what the forgetting curve says."""
    rng = random.Random(seed)

    def answer(memory, card, day):
        return Rating.GOOD if rng.random() < (memory.retrievability(day) if memory else 0.6) else Rating.AGAIN

    return answer


def daily(schedule, day):
    return schedule.queue(MINUTES, day)


def study(seed, **settings):
    return rehearse(Schedule(DECK, **settings), FIRST, DAYS, daily, learner(seed))


@pytest.fixture(scope="module")
def studied():
    return {seed: study(seed) for seed in range(5)}


def repetitions(days):
    """(predicted chance, whether it was known) of every card that was known before."""
    for day in days:
        for card in day.cards:
            if card in day.before.known:
                yield day.before.retrievability(card, day.day), day.after.known[card].rating > Rating.AGAIN


def assert_within_chance(pairs):
    chances, known = zip(*pairs, strict=True)
    sigma = math.sqrt(sum(chance * (1 - chance) for chance in chances))
    assert abs(sum(known) - sum(chances)) < SIGMAS * sigma


def test_the_same_seed_is_the_same_study(studied):
    assert study(3) == studied[3]
    assert study(3) != studied[4]


def test_retention_is_what_fsrs_predicts(studied):
    found = [pair for days in studied.values() for pair in repetitions(days)]
    assert len(found) > 3000
    assert_within_chance(found)
    for low, high in [(0.0, 0.7), (0.7, 0.85), (0.85, 0.9), (0.9, 1.0)]:
        assert_within_chance([pair for pair in found if low <= pair[0] < high])


def test_mature_cards_are_asked_at_the_wanted_retention(studied):
    chances = [
        day.before.retrievability(card, day.day)
        for days in studied.values()
        for day in days[20:]
        for card in day.cards
        if card in day.before.known and day.before.known[card].stability > 7
    ]
    assert len(chances) > 500
    # Fuzz and whole days move it a little.
    assert sum(chances) / len(chances) == pytest.approx(0.9, abs=0.01)


def test_the_load_stays_bounded_and_every_card_is_begun(studied):
    for days in studied.values():
        for day in days:
            assert sum(map(day.before.minutes_of, day.cards)) <= MINUTES
        assert set(days[-1].after.known) == set(DECK.cards)
        backlog = [len(set(day.before.due(day.day)) - set(day.cards)) for day in days]
        assert max(backlog) <= 20  # a day's worth of cards
        assert backlog[-10:] == [0] * 10
        early = sum(len(day.before.due(day.day)) for day in days[10:25])
        late = sum(len(day.before.due(day.day)) for day in days[-15:])
        assert late < early


def test_no_topic_is_left_behind(studied):
    for days in studied.values():
        for day in days:
            begun = Counter(card.partition(".")[0] for card in day.after.known)
            assert max(begun.values()) - min(begun.get(f"topic{t}", 0) for t in range(16)) <= 1


def everything_due(schedule, day):
    return schedule.due(day)


def test_due_counts_are_what_fsrs_predicts(studied):
    """Each card goes its own way, so a day's count is a sum of coin tosses with known, different chances."""
    begun = studied[0][30].after
    first, days = studied[0][31].day, 45
    expected = forecast(begun, first, days)
    variance = [0.0] * days
    for card, memory in begun.known.items():
        for place, one in enumerate(forecast(Schedule(DECK, {card: memory}), first, days)):
            variance[place] += one.due * (1 - one.due)
    seeds = 40
    runs = [rehearse(begun, first, days, everything_due, learner(seed)) for seed in range(100, 100 + seeds)]
    for place in range(days):
        mean = sum(len(run[place].cards) for run in runs) / seeds
        sigma = math.sqrt(variance[place] / seeds)
        # The forecast has faint branches drawn, which is one more study in effect.
        assert abs(mean - expected[place].due) < SIGMAS * sigma + 0.2
    total = sum(len(day.cards) for run in runs for day in run) / seeds
    assert total == pytest.approx(sum(one.due for one in expected), rel=0.02)
    forgotten = sum(
        day.after.known[c].rating == Rating.AGAIN for run in runs for day in run for c in day.cards
    )
    assert forgotten / seeds == pytest.approx(sum(one.forgotten for one in expected), rel=0.06)


def test_tomorrows_forecast_is_tomorrows_due_cards(studied):
    for today, tomorrow in zip(studied[1][5:], studied[1][6:], strict=False):
        # Nothing is due today any more, once all was answered.
        if not set(today.before.due(today.day)) - set(today.cards):
            assert forecast(today.after, today.day, 2)[1].due == len(tomorrow.before.due(tomorrow.day))


INTERVIEW = FIRST + DAYS * DAY


@pytest.fixture(scope="module")
def prepared():
    return {seed: study(seed, interview=INTERVIEW, minutes=MINUTES) for seed in range(5)}


def chance_at_interview(days):
    last = days[-1].after
    return sum(last.retrievability(card, INTERVIEW) for card in DECK.cards) / len(DECK.cards)


def test_before_an_interview_every_card_is_seen_again_and_known_better_than_without_it(studied, prepared):
    for seed, days in prepared.items():
        known = days[-1].after.known
        assert set(known) == set(DECK.cards)
        assert max((INTERVIEW - memory.last).days for memory in known.values()) <= 14
        assert max((INTERVIEW - memory.last).days for memory in studied[seed][-1].after.known.values()) > 30
        assert chance_at_interview(days) > chance_at_interview(studied[seed]) + 0.02
        assert chance_at_interview(days) > 0.97
        for day in days:
            assert sum(map(day.before.minutes_of, day.cards)) <= MINUTES


def test_the_forecast_knows_of_the_interview(prepared):
    for at in (35, 45):
        before, first, ahead = prepared[0][at - 1].after, FIRST + at * DAY, DAYS - at
        expected = forecast(before, first, ahead)
        runs = [rehearse(before, first, ahead, everything_due, learner(seed)) for seed in range(100, 130)]
        due = [sum(len(run[place].cards) for run in runs) / len(runs) for place in range(ahead)]
        assert sum(one.due for one in expected) == pytest.approx(sum(due), rel=0.03)
        without = forecast(Schedule(DECK, before.known), first, ahead)
        assert sum(one.due for one in without) < 0.7 * sum(due)
        for place in range(46 - at):  # until the last round
            assert expected[place].due == pytest.approx(due[place], abs=1.5)


def test_until_the_last_round_an_interview_makes_nothing_due(prepared):
    for days in prepared.values():
        for day in days[:45]:
            assert day.before.due(day.day) == Schedule(DECK, day.before.known).due(day.day)


def test_before_an_interview_every_card_is_begun_in_time():
    """Without one, what is due would fill the days: in three weeks a third of the cards is not seen at all."""
    ahead = 21
    interview = FIRST + ahead * DAY
    for seed in range(3):
        plain = rehearse(Schedule(DECK), FIRST, ahead, daily, learner(seed))
        aimed = rehearse(Schedule(DECK, interview=interview), FIRST, ahead, daily, learner(seed))
        assert len(plain[-1].after.known) < 125
        assert len(aimed[-3].before.known) == len(DECK.cards)
        for day in aimed:
            assert sum(map(day.before.minutes_of, day.cards)) <= MINUTES
        known = [
            sum(days[-1].after.retrievability(card, interview) for card in DECK.cards)
            for days in (plain, aimed)
        ]
        assert known[1] > known[0] + 30


def test_in_the_last_days_everything_weak_comes_again(prepared):
    found = 0
    for days in prepared.values():
        three_days_left = days[-4].after
        weak = {c for c in DECK.cards if three_days_left.retrievability(c, INTERVIEW) < 0.88}
        assert weak <= {card for day in days[-3:] for card in day.cards}
        found += len(weak)
    assert found > 10


def test_retention_is_as_predicted_in_the_last_round_too(prepared):
    assert_within_chance([pair for days in prepared.values() for pair in repetitions(days[-14:])])


def test_a_short_way_to_the_interview_shows_as_much_as_its_minutes_allow():
    for ahead in (1, 2, 5):
        interview = FIRST + ahead * DAY
        days = rehearse(Schedule(DECK, interview=interview, minutes=MINUTES), FIRST, ahead, daily, learner(1))
        assert all(len(day.cards) == MINUTES / 1.5 for day in days)
        last = days[-1].after.known
        if ahead > 1:  # what was not known on the first day was seen again
            assert all(
                memory.last > FIRST
                for memory in last.values()
                if days[0].after.known.get(memory.card)
                and days[0].after.known[memory.card].rating == Rating.AGAIN
            )


def test_missed_days_lose_nothing_and_are_caught_up(studied):
    before = studied[2][25].after
    back = FIRST + 40 * DAY
    days = rehearse(before, back, 20, daily, learner(9))
    for day in days:
        assert sum(map(day.before.minutes_of, day.cards)) <= MINUTES
    assert set(before.due(back)) <= {card for day in days for card in day.cards}
    assert not set(days[-1].before.due(days[-1].day)) - set(days[-1].cards)
    assert set(before.known) <= set(days[-1].after.known)
