"""Interview drills: cards, when each is due, and the sessions that ask them. Imports `autograder`.

``drills.session()`` holds a session in a notebook; ``course drill`` holds it in a terminal.

From the ground up:

- ``schema``, ``deck``, ``own_cards``: what a card may hold, and reading the course's and the learner's
- ``grammar``, ``drawing``, ``filling``, ``numeric``, ``slips``, ``formula``: numbers and formulas, judged
- ``steps``, ``replies``, ``asking``, ``judging``: the conversation about one card; running its programs
- ``records``, ``claims``: keeping what was replied
- ``scheduling``, ``skills``, ``statistics``, ``planning``: what comes next, and when
- ``sessions``, ``sittings``, ``today``, ``summary``: some cards, one after another
- ``one_talk``, ``interview``: some cards as one conversation
- ``maths``, ``html``, ``reading``, ``picture``: how it is shown
- ``terminal``, ``notebook``, ``anki``: the faces
- ``proving``: what CI proves of each card, and of the deck
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ipywidgets

__all__ = ["session"]


def session(
    minutes: float | None = None,
    topic: str | Sequence[str] = (),
    card: str | None = None,
    *,
    interview: bool = False,
    new: int | None = None,
) -> ipywidgets.VBox | None:
    """Hold a session in JupyterLab: today's cards, or the rest of those that were left.

    Parameters
    ----------
    minutes : float, optional
        How long it should take; by default as long as the learner set, or 25 for an interview.
    topic : str or sequence of str
        Only cards of these topics; by default those of all.
    card : str, optional
        Only this card, whether it is due or not.
    interview : bool
        Hold a mock interview.
    new : int, optional
        At most so many cards that were never answered.

    Returns
    -------
    VBox or None
        A widget, to be the last thing in its cell; None if there is nothing to show, which is said.
    """
    from drills.notebook import session as hold  # late: the cards' core needs no widgets

    return hold(minutes, topic, card, interview=interview, new=new)
