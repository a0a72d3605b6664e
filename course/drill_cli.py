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

Topics = Annotated[list[str] | None, typer.Option("--topic", metavar="NAME", help="May be repeated.")]
Tex = Annotated[bool, typer.Option("--tex", help="Mathematics as TeX.")]

deck = typer.Typer(help="Show, extend and export the cards.", rich_markup_mode=None, add_completion=False)
export_app = typer.Typer(help="Take cards elsewhere.", rich_markup_mode=None, no_args_is_help=True)
deck.add_typer(export_app, name="export")


def drill(
    minutes: Annotated[
        float | None, typer.Option(min=1, metavar="N", help="By default as many as you set.")
    ] = None,
    topic: Topics = None,
    card: Annotated[str | None, typer.Option(metavar="ID", help="Only this card.")] = None,
    tex: Tex = False,
    new: Annotated[int | None, typer.Option(min=0, metavar="N", help="At most N new cards.")] = None,
) -> None:
    """Answer today's cards; goes on where you stopped."""
    with _sentences():
        from drills.terminal.drill import drill

        drill(minutes, topic or [], card, new, tex=tex)


def interview(
    minutes: Annotated[float | None, typer.Option(metavar="N", help="25 by default; 10 or more.")] = None,
    topic: Topics = None,
    tex: Tex = False,
) -> None:
    """Hold a mock interview, with a scorecard at its end."""
    with _sentences():
        from drills.terminal.interview import interview

        interview(minutes, topic or [], tex=tex)


def plan(
    interview: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Such as 2026-12-10.")
    ] = None,
    minutes: Annotated[int | None, typer.Option(metavar="N", help="Of a day; 30 by default.")] = None,
    diagnostic: Annotated[
        bool | None, typer.Option("--diagnostic/--no-diagnostic", help="By default if you are new.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All days.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget the date.")] = False,
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
    days: Annotated[int, typer.Option(min=1, max=365, metavar="N", help="Of the forecast.")] = 30,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it: a .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Say how it goes: retention, confidence, weakest skills, what comes due."""
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
    """Write a package that Anki imports."""
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
