"""The command's verbs for drills: each declares its arguments and calls one function."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from course.errors import CourseError

__all__ = ["deck", "drill", "interview", "plan"]

Topics = Annotated[
    list[str] | None,
    typer.Option("--topic", metavar="NAME", help="Only this topic, such as siglip; may be repeated."),
]
Tex = Annotated[bool, typer.Option("--tex", help="Show mathematics as TeX.")]

deck = typer.Typer(help="Show, extend and export the cards.", rich_markup_mode=None, add_completion=False)
export_app = typer.Typer(
    help="Take the cards to another program.", rich_markup_mode=None, no_args_is_help=True
)
deck.add_typer(export_app, name="export")


def drill(
    minutes: Annotated[
        float | None,
        typer.Option(min=1, metavar="N", help="How long; by default as you set with course plan, or 30."),
    ] = None,
    topic: Topics = None,
    card: Annotated[str | None, typer.Option(metavar="ID", help="Only this card, due or not.")] = None,
    tex: Tex = False,
    new: Annotated[int | None, typer.Option(min=0, metavar="N", help="At most N new cards.")] = None,
) -> None:
    """Answer today's cards, or go on where you stopped."""
    with _sentences():
        from drills.terminal.drill import drill

        drill(minutes, topic or [], card, new, tex=tex)


def interview(
    minutes: Annotated[
        float | None, typer.Option(metavar="N", help="How long; 25 by default, at least 10.")
    ] = None,
    topic: Topics = None,
    tex: Tex = False,
) -> None:
    """Hold a mock interview, with a scorecard at its end."""
    with _sentences():
        from drills.terminal.interview import interview

        interview(minutes, topic or [], tex=tex)


def plan(
    interview: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Its day, such as 2026-12-10."),
    ] = None,
    minutes: Annotated[
        int | None, typer.Option(metavar="N", help="How long each day; 30 by default.")
    ] = None,
    diagnostic: Annotated[
        bool | None,
        typer.Option(
            "--diagnostic/--no-diagnostic", help="Find out first where you stand; by default if you are new."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Print all days, not 14.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget the day of the interview.")] = False,
    tex: Tex = False,
) -> None:
    """Lay out each day's cards and exercises until an interview."""
    with _sentences():
        from drills.terminal.plan import show_plan

        date = interview.date() if interview else None
        show_plan(date, minutes, clear=clear, diagnostic=diagnostic, everything=everything, tex=tex)


@deck.callback(invoke_without_command=True)
def topics(context: typer.Context) -> None:
    """Show, extend and export the cards."""
    if context.invoked_subcommand is None:
        with _sentences():
            from drills.terminal.deck import list_topics

            list_topics()


@deck.command()
def show(
    name: Annotated[str, typer.Argument(metavar="CARD|TOPIC", help="Such as infonce, or a card's id.")],
    tex: Tex = False,
) -> None:
    """Print a card with its answer, or the questions of a topic."""
    with _sentences():
        from drills.terminal.deck import show

        show(name, tex=tex)


@deck.command()
def stats(
    days: Annotated[int, typer.Option(min=1, max=365, metavar="N", help="How far to look ahead.")] = 30,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it, too: a .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Say how it goes, what is weak, and what comes due."""
    with _sentences():
        from drills.terminal.deck import show_statistics

        show_statistics(days, figure)


@deck.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="Cards of your own; see docs/drills.md.")],
) -> None:
    """Check cards of your own and drill them with the course's."""
    with _sentences():
        from drills.terminal.deck import add_cards

        add_cards(file)


@export_app.command()
def anki(
    file: Annotated[Path, typer.Argument(metavar="FILE.apkg")] = Path("clip-to-int8.apkg"),
    topic: Topics = None,
) -> None:
    """Write the cards as a package that Anki imports."""
    with _sentences():
        from drills.terminal.deck import export

        export(file, topic or [])


@contextmanager
def _sentences() -> Iterator[None]:
    """What a person can put right is a sentence, not a traceback."""
    from drills.deck import DeckError
    from drills.interview.script import InterviewError
    from drills.planning.plan import PlanError
    from drills.today import DrillError

    try:
        yield
    except (DeckError, DrillError, InterviewError, PlanError) as error:
        raise CourseError(str(error)) from error
    except OSError as error:
        raise CourseError(f"{error.filename}: {error.strerror}." if error.filename else str(error)) from error
