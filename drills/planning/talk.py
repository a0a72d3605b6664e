"""The diagnostic as a conversation: each card is chosen by how the ones before it went."""

from __future__ import annotations

from drills.asking import Outcome
from drills.deck import Deck
from drills.one_talk import OneTalk, Whole
from drills.planning.diagnostic import MINUTES, levels, next_card
from drills.records import Records, Sitting
from drills.steps import Rating, Show

KIND = "diagnostic"
_KNOWN = ("nothing yet", "a first call", "a day on site", "the work itself")


class DiagnosticSession(OneTalk):
    """A diagnostic of about fifteen minutes; the seed of its sitting is all that it begins with.

    Parameters
    ----------
    deck : Deck
    records : Records
    sitting : Sitting
    """

    def __init__(self, deck: Deck, records: Records, sitting: Sitting) -> None:
        self._deck = deck
        self._asked: list[tuple[str, bool]] = []
        super().__init__(deck.cards, records, sitting)

    @property
    def minutes_left(self) -> float:
        """What is left of its time, as the cards before the present one are meant to take it."""
        return MINUTES - sum(self._deck.cards[card].minutes for card, _ in self._asked)

    @property
    def heading(self) -> str:
        """Where one is."""
        left = f"diagnostic · about {self.minutes_left:.0f} min left"
        return f"{left} · {self.card.topic} · {self.card.kind}" if self.card else left

    def talk(self) -> Whole:
        """The conversation."""
        asked = self._asked = []
        outcomes: list[Outcome] = []
        while (id := next_card(self._deck, asked)) is not None:
            card = self._deck.cards[id]
            self.at(len(asked), card)
            outcome = yield from self._ask(card, len(asked))
            asked.append((id, outcome.computed >= Rating.GOOD))
            outcomes.append(outcome)
        yield Show(_found(self._deck, asked), title="Where you are", look="answer")
        return tuple(outcomes)


def _found(deck: Deck, asked: list[tuple[str, bool]]) -> str:
    found = levels(deck, asked)
    titles = {topic.topic: topic.title for topic in deck.topics}
    rows = [f"| {titles[topic]} | {_KNOWN[level]} |" for topic, level in found.items()]
    return "\n".join(["| topic | enough for |", "|---|---|", *rows])
