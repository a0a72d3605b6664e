"""What is due, and today's queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from autograder.progress import Event
from drills import clock
from drills.deck import Deck
from drills.records import Records
from drills.scheduling.last_round import first_day, latest_days
from drills.scheduling.memory import Memory, answered
from drills.scheduling.mistakes import cards_of_mistakes
from drills.scheduling.new_cards import new_cards
from drills.steps import Rating

DAY = timedelta(days=1)
SETTLING = 3  # days before an interview on which the last new card should be begun
Moment = datetime | date  # a date is a day of study already


@dataclass(frozen=True)
class Schedule:
    """Which card when; nothing in it changes.

    Parameters
    ----------
    deck : Deck
    known : mapping of str to Memory
        What is known of the cards that were answered.
    interview : date, optional
        Holds intervals back while it lies ahead (`drills.scheduling.last_round`).
    minutes : float
        Of a day; the last round before the interview is laid out with it.
    events : sequence of Event
        What happened in the lessons.
    """

    deck: Deck
    known: Mapping[str, Memory] = field(default_factory=dict)
    interview: date | None = None
    minutes: float = 30
    events: Iterable[Event] = ()

    @classmethod
    def of(cls, deck: Deck, records: Records, events: Iterable[Event] | None = None) -> Schedule:
        """The schedule of this learner, by default with what happened in the lessons."""
        if events is None:
            from autograder import progress

            events = progress.events()
        settings = records.settings()
        return cls(deck, records.states(), settings.interview, settings.minutes, tuple(events))

    def minutes_of(self, card: str) -> float:
        """What a card takes: as long as last time, within a quarter and the double of what it says."""
        says = self.deck.cards[card].minutes
        memory = self.known.get(card)
        took = memory.seconds / 60 if memory else 0.0
        return min(max(took, says / 4), says * 2) if took else says

    def due_days(self, now: Moment) -> dict[str, date]:
        """The day on which each known card of the deck is due, at earliest today.

        A card whose latest review lies ahead of us by more than a day was reviewed under a wrong clock. Its
        due day means nothing, so it is due today, after all that are likelier to be forgotten.
        """
        today = clock.day(now)
        days = {m.card: m.due if m.last <= today + DAY else today for m in self._in_deck()}
        _, latest = self.last_round(today)
        return {card: max(min(day, latest.get(card, day)), today) for card, day in days.items()}

    def last_round(self, now: Moment) -> tuple[date, dict[str, date]]:
        """The first day of the last round, and the day by which each card is to be seen in it.

        Without an interview ahead, the end of time and no cards.
        """
        today, known = clock.day(now), self._in_deck()
        if not self.interview or today >= self.interview:
            return date.max, {}
        begins = first_day(known, self.minutes_of, self.interview, self.minutes)
        return begins, latest_days(known, self.minutes_of, self.interview, self.minutes, today)

    def due(self, now: Moment) -> tuple[str, ...]:
        """The due cards: what FSRS wants, likeliest to be forgotten first; then those of the last round."""
        today = clock.day(now)
        cards = [card for card, day in self.due_days(today).items() if day == today]
        risk = {card: self.known[card].retrievability(today) for card in cards}
        return tuple(sorted(cards, key=lambda card: (self.known[card].due > today, risk[card], card)))

    def queue(self, minutes: float, now: Moment, topics: Collection[str] | None = None) -> tuple[str, ...]:
        """Today's cards, as many as fit into the minutes, and at least one if there is any.

        On top the cards on mistakes met in lessons before today, in at most half of the minutes; then what
        is due, likeliest to be forgotten first; then new cards, in turn from the topics seen least.

        Up to three days before an interview new cards come before those that only the last round asks for,
        and as many as it takes to begin every card in time, in at most half of the minutes, before anything
        that is due: what was never seen is worth more then than what is a little likelier to be forgotten.

        Parameters
        ----------
        minutes : float
        now : datetime or date
        topics : collection of str, optional
            Only cards of these topics.
        """
        today = clock.day(now)

        def wanted(cards: Iterable[str]) -> list[str]:
            return [card for card in cards if topics is None or self.deck.cards[card].topic in topics]

        met = self._fitting(wanted(cards_of_mistakes(self.deck, self.known, self.events, today)), minutes / 2)
        left = minutes - self._take(met)
        due = [card for card in wanted(self.due(today)) if card not in met]
        new = [card for card in wanted(new_cards(self.deck, self.known)) if card not in met]
        days = (self.interview - today).days - SETTLING if self.interview else 0
        if days <= 0:
            return (*met, *self._fitting([*due, *new], left, least=not met))
        apart = self._to_begin(new, left, days)
        pressing = [card for card in due if self.known[card].due <= today]
        chosen = self._fitting(pressing, left - self._take(apart), least=not (met or apart))
        left -= self._take(apart) + self._take(chosen)
        rest = [card for card in [*new, *due] if card not in apart and card not in chosen]
        return (*met, *chosen, *apart, *self._fitting(rest, left, least=not (met or apart or chosen)))

    def retrievability(self, card: str, now: Moment) -> float:
        """The chance that a card is remembered; 0 if it was never answered."""
        memory = self.known.get(card)
        return memory.retrievability(clock.day(now)) if memory else 0.0

    def answered(self, card: str, rating: Rating, now: Moment) -> Schedule:
        """The schedule after one more answer."""
        memory = answered(self.known.get(card), card, rating, clock.day(now))
        return replace(self, known={**self.known, card: memory})

    def _in_deck(self) -> list[Memory]:
        return [memory for card, memory in self.known.items() if card in self.deck.cards]

    def _to_begin(self, new: list[str], left: float, days: int) -> list[str]:
        """The new cards to begin today for all of them to be begun in some days."""
        part = min(self._take(new) / days, left / 2)
        chosen: list[str] = []
        for card in new:
            if self._take(chosen) >= part:
                break
            if self._take([*chosen, card]) <= left:  # one may reach over: many small parts make no long card
                chosen.append(card)
        return chosen

    def _take(self, cards: Iterable[str]) -> float:
        return sum(map(self.minutes_of, cards))

    def _fitting(self, cards: list[str], minutes: float, least: bool = True) -> list[str]:
        chosen: list[str] = []
        for card in cards:
            takes = self.minutes_of(card)
            if takes <= minutes or (least and not chosen):
                chosen.append(card)
                minutes -= takes
        return chosen
