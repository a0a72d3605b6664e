"""``course deck``: what there is, one card to read, how it goes, cards of one's own, and an export."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.table import Table

from drills import clock
from drills.own_cards import add, whole_deck
from drills.planning.words import counted
from drills.reading import given, options, shown
from drills.records import Records, location
from drills.scheduling import Schedule
from drills.statistics import Statistics, statistics
from drills.terminal.screen import Screen
from drills.today import DrillError, must_exist

BAR = 40  # columns


def list_topics() -> None:
    """Print the topics: their cards by kind, how many were answered, how many are due."""
    screen = Screen()
    deck = whole_deck(screen.say)
    with Records(location(), screen.say) as records:
        schedule = Schedule.of(deck, records)
    due = set(schedule.due(clock.now()))
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("topic", no_wrap=True)
    for column in ("cards", "answered", "due"):
        table.add_column(column, justify="right")
    table.add_column("", ratio=1, overflow="fold")
    for topic in deck.topics:
        ids = [card.id for card in topic.cards]
        table.add_row(
            topic.topic,
            str(len(ids)),
            str(sum(id in schedule.known for id in ids)),
            str(sum(id in due for id in ids)),
            topic.title,
        )
    screen.console.print(table)
    kinds = Counter(card.kind for card in deck.cards.values())
    of_kind = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    screen.say(f"{counted(len(deck.cards), 'card')} in all: {of_kind}.")
    screen.hint("`course deck show TOPIC` lists a topic's cards.")


def show(name: str, *, tex: bool = False) -> None:
    """Print a card with its answer, or the cards of a topic.

    Raises
    ------
    DrillError
        If there is neither.
    """
    screen = Screen(tex=tex)
    deck = whole_deck(screen.say)
    topics = {topic.topic: topic for topic in deck.topics}
    if name in topics:
        for card in topics[name].cards:
            screen.say(f"{card.id}  ({card.kind}, level {card.level}, {card.minutes:g} min)", "note")
            screen.prose(shown(card)[0].text)
            screen.say("")
        screen.hint("Level 1: a first call; 2: a day on site; 3: somebody who works on it.")
        return
    must_exist("card", [name], [*deck.cards, *topics])
    card = deck.cards[name]
    screen.head(f"{card.id} · {card.kind} · level {card.level} · {card.minutes:g} min")
    question, *answers = shown(card)
    screen.show(question)
    if program := given(card):
        screen.code(program, numbered=True)
    screen.prose("\n".join(f"- {option}" for option in options(card)))
    for step in answers:
        screen.show(step)
    screen.hint(f"\nSources: {', '.join(card.sources)}. Skills: {', '.join(card.skills)}.")


def show_statistics(days: int = 30, figure: Path | None = None) -> None:
    """Print what was done, whether predictions hold, and what the next days bring; draw it, if asked to.

    Raises
    ------
    OSError
        If the figure cannot be written.
    """
    screen = Screen()
    deck = whole_deck(screen.say)
    with Records(location(), screen.say) as records:
        schedule = Schedule.of(deck, records)
        found = statistics(schedule, records.reviews(), clock.now(), days)
        interview = records.settings().interview
    if not found.reviews:
        screen.say("No card was answered yet: `course drill` begins.")
        return
    _print_figures(found, screen)
    _print_forecast(found, screen)
    if figure:
        from drills.picture import picture

        drawn, _ = picture(found, interview)
        try:
            drawn.savefig(figure)
        except ValueError as error:
            raise DrillError(f"{figure}: {error}.") from None
        screen.say(f"Drawn: {figure}")


def add_cards(path: Path) -> None:
    """Add a file of cards to the learner's own, and say what it holds.

    Raises
    ------
    DeckError
        If it is not in order.
    """
    screen = Screen()
    topic = add(path)
    screen.say(
        f"Added: {counted(len(topic.cards), 'card')} on {topic.topic}. "
        f"`course drill --topic {topic.topic}` asks them."
    )


def export(path: Path, topics: list[str]) -> None:
    """Write a package for Anki, and say where.

    Raises
    ------
    DrillError
        If there is no such topic or folder.
    OSError
        If the file cannot be written.
    """
    from drills.anki import export_anki

    screen = Screen()
    deck = whole_deck(screen.say)
    must_exist("topic", topics, [topic.topic for topic in deck.topics])
    if not path.absolute().parent.is_dir():
        raise DrillError(f"{path}: there is no such folder.")
    number = export_anki(deck, path, topics)
    screen.say(f"Written: {path}, {counted(number, 'card')}.")
    screen.hint("Imported again after an update, it changes the cards and keeps what Anki knows of you.")


def _print_figures(found: Statistics, screen: Screen) -> None:
    screen.head("So far")
    answers, days = counted(found.reviews, "answer"), counted(found.days, "day")
    said = f"{answers} on {days}, {found.minutes:.0f} minutes in all"
    screen.say(f"{said}; {counted(found.streak, 'day')} in a row.")
    screen.say("Cards: " + ", ".join(f"{number} {state}" for state, number in found.states.items()) + ".")
    screen.hint("Young: remembered for a week or more; mature: for three.")
    if found.retention:
        kept = found.retention
        screen.say(
            f"Remembered on repetition: {100 * kept.measured:.0f} % of {kept.repetitions}; "
            f"FSRS predicted {100 * kept.predicted:.0f} ± {100 * kept.error:.0f} %."
        )
    if found.calibration:
        parts = [
            f"at {100 * one.said:.0f} % right {100 * one.right:.0f} % of {one.answers}"
            for one in found.calibration
        ]
        screen.say(f"Confidence: {', '.join(parts)}.")
    if found.overridden:
        screen.say(f"You changed {counted(found.overridden, 'rating')}.")
    weak = [f"{skill.skill} {100 * skill.value:.0f} %" for skill in found.skills[:5]]
    if weak:
        screen.say(f"Weakest skills: {', '.join(weak)}.")


def _print_forecast(found: Statistics, screen: Screen) -> None:
    screen.head("Expected to come due, new cards aside")
    most = max((day.due for day in found.forecast), default=0.0)
    mark = "█" if screen.console.encoding.lower().startswith("utf") else "#"
    for day in found.forecast:
        bar = mark * round(BAR * day.due / most) if most else ""
        screen.say(f"{day.day:%a %d %b}  {day.due:5.1f}  {bar}")
