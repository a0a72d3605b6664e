"""Sentences about a plan."""

from __future__ import annotations


def counted(count: int, what: str) -> str:
    """``1 day``, ``3 days``."""
    return f"{count} {what}" + ("" if count == 1 else "s")


def too_few_minutes(minutes: float, unseen: int, cards: int, enough: float | None) -> str:
    """How many cards the plan reaches, and how many minutes a day would reach all.

    Parameters
    ----------
    minutes : float
        Of a day.
    unseen : int
        Cards that find no place.
    cards : int
        Of the deck.
    enough : float or None
        Minutes that would be enough, if any number was found.
    """
    said = f"{minutes:g} minutes a day reach {cards - unseen} of the {counted(cards, 'card')}"
    return (
        f"{said}; {enough:.0f} would reach all."
        if enough
        else f"{said}; three times as many would not reach all."
    )
