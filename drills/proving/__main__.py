"""``python -m drills.proving [TOPIC ...]``: prove the cards, a line for each fault."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from drills.deck import FOLDER, Deck, DeckError, load, read
from drills.proving import prove, prove_deck, prove_programs
from drills.proving.choices import longest_is_right
from drills.proving.fault import Fault
from drills.proving.references import topic_faults


def main(arguments: list[str] | None = None) -> int:
    """Prove some topics or the whole deck; 0 if there is no fault."""
    parser = argparse.ArgumentParser(prog="python -m drills.proving", description="Prove drill cards.")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="a file under the folder, without .yaml")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the cards")
    parser.add_argument("--no-programs", action="store_true", help="leave out code and bug cards' programs")
    options = parser.parse_args(arguments)
    try:
        deck = _some(options.folder, options.topics) if options.topics else load(options.folder)
    except DeckError as error:
        print(error)
        return 1
    found = [fault for card in deck.cards.values() for fault in prove(card)]
    if not options.no_programs:
        found += [fault for card in deck.cards.values() for fault in prove_programs(card)]
    if options.topics:
        found += [*topic_faults(deck.topics), *longest_is_right(deck.topics)]
    else:
        found += prove_deck(deck)
    return _told(deck, sorted(found))


def _some(folder: Path, topics: list[str]) -> Deck:
    read_ones = [read(folder / f"{topic}.yaml") for topic in topics]
    return Deck(tuple(read_ones), {card.id: card for topic in read_ones for card in topic.cards})


def _told(deck: Deck, found: list[Fault]) -> int:
    for fault in found:
        print(fault)
    faults = sum(not fault.warning for fault in found)
    print(f"{len(deck.cards)} cards: {faults or 'no'} faults, {len(found) - faults} to look at")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
