"""The proof of choices: that nothing but knowing leads to the right option."""

from __future__ import annotations

from collections.abc import Sequence

from drills.proving.fault import Fault, Findings
from drills.schema import Choice, Topic

LONGER = 1.6  # than the mean of the others: then its length tells it
MOST = 0.5  # of a topic's choices


def choice_faults(card: Choice) -> Findings:
    """What is wrong with the options of a choice."""
    for place, option in enumerate(card.options):
        others = [len(other.text) for other in card.options if other is not option]
        if option.right and len(option.text) > max(30, LONGER * max(others)):
            yield f"options.{place}", "is right, and so much longer than the others that its length tells it"
    reasons = [option.reason for option in card.options]
    if len(set(reasons)) < len(reasons):
        yield "options", "two have the same reason"


def longest_is_right(topics: Sequence[Topic]) -> list[Fault]:
    """Topics in which the longest option is the right one most of the time."""
    found = []
    for topic in topics:
        choices = [card for card in topic.cards if isinstance(card, Choice)]
        longest = [card for card in choices if max(card.options, key=lambda option: len(option.text)).right]
        if len(choices) > 2 and len(longest) > MOST * len(choices):
            says = f"the right option is the longest in {len(longest)} of {len(choices)} choices"
            found.append(Fault(f"{topic.topic}.yaml", "", "", says, warning=True))
    return found
