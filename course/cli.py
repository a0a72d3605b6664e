"""The command ``course``: it declares the arguments of each verb and calls one function."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from course import drill_cli, verbs
from course.errors import CourseError

__all__ = ["app", "main"]


class _InOrder(TyperGroup):
    """Lists ``deck``, which is a group, beside the other verbs on cards: typer puts groups last."""

    def list_commands(self, ctx: Any) -> list[str]:
        names = [name for name in super().list_commands(ctx) if name != "deck"]
        names.insert(names.index("plan") + 1, "deck")
        return names


app = typer.Typer(
    name="course",
    cls=_InOrder,
    help="From CLIP to INT8: lessons in notebooks, with checks that name the mistake.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help starts faster and pipes well
    pretty_exceptions_enable=False,
)

Assignment = Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="01, infonce, ...")]
Root = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Any nbgrader course; by default this one.")
]
ExerciseId = Annotated[str, typer.Argument(metavar="ID", help="An exercise, such as infonce.clip_loss.")]


@app.command()
def lab(
    lesson: Annotated[str | None, typer.Argument(help="The lesson to open: 01, infonce, ...")] = None,
    options: Annotated[
        list[str] | None, typer.Argument(help="After a --: options for JupyterLab itself.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="By default the first free one from 8888 on.")] = None,
    ip: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    browser: Annotated[bool | None, typer.Option(help="By default, if there is one.")] = None,
    classroom: Annotated[
        bool, typer.Option("--classroom", help="For instructors: the whole course with formgrader.")
    ] = False,
) -> None:
    """Copy new lessons into work/ and open JupyterLab there."""
    if lesson and lesson.startswith("-"):  # what follows a -- without a lesson before it
        options = [lesson, *(options or [])]
        lesson = None
    if classroom and lesson:
        raise typer.BadParameter("--classroom opens the whole course: leave the lesson out.")
    raise typer.Exit(verbs.lab(lesson, options or [], port, ip, browser, classroom))


@app.command()
def status() -> None:
    """Show what you have solved, and what is left."""
    verbs.status()


@app.command("next")
def next_up() -> None:
    """Name the exercise to do next, and its notebook."""
    verbs.next_up()


@app.command()
def hint(
    exercise_id: ExerciseId,
    level: Annotated[int | None, typer.Option(help="By default the next one not seen.")] = None,
) -> None:
    """Show the next hint for an exercise."""
    verbs.hint(exercise_id, level)


@app.command()
def solution(
    exercise_id: ExerciseId,
    anyway: Annotated[bool, typer.Option("--anyway", help="Before all hints are taken.")] = False,
) -> None:
    """Show a worked answer, once the hints are taken or the exercise is solved."""
    verbs.solution(exercise_id, anyway=anyway)


app.command()(drill_cli.drill)
app.command()(drill_cli.interview)
app.command()(drill_cli.plan)
app.add_typer(drill_cli.deck, name="deck")


@app.command()
def reset(
    name: Annotated[str, typer.Argument(help="A lesson (01, infonce, ...) or one of its files.")],
) -> None:
    """Start a lesson afresh; your copy is backed up first."""
    verbs.reset(name)


@app.command()
def update() -> None:
    """Bring work/ to the present release, and keep your answers."""
    verbs.update()


@app.command()
def claims(
    everything: Annotated[bool, typer.Option("--all", help="The slow measurements too.")] = False,
) -> None:
    """Measure again what the lessons claim, beside the recorded figures."""
    raise typer.Exit(verbs.claims(everything))


@app.command()
def fetch(
    name: Annotated[str | None, typer.Argument(help="The model; none lists what there is.")] = None,
) -> None:
    """Download a model that some experiments can use; says what comes first."""
    verbs.fetch(name)


@app.command()
def grade(
    name: Annotated[
        str, typer.Argument(metavar="ASSIGNMENT|FILE.ipynb", help="01, infonce, ..., or one notebook.")
    ],
    students: Annotated[list[str] | None, typer.Argument(help="Only these; by default all.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="How many at once; by default all cores.")] = None,
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Again what is graded; manual marks stay.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write nothing; list scores that would change."),
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Even where isolation has holes: people you trust only.")
    ] = False,
    cell_seconds: Annotated[
        float | None, typer.Option(min=0.1, help="CPU seconds that a cell may take.")
    ] = None,
    db: Annotated[str | None, typer.Option(metavar="URL", help="Another gradebook than the usual.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask cluster: tcp://host:8786.")
    ] = None,
    root: Root = None,
    assignment: Annotated[
        str | None, typer.Option(help="What FILE.ipynb is, if its cells do not say.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the one graded notebook.")
    ] = None,
) -> None:
    """Grade a class, or one notebook, in isolation (for instructors)."""
    raise typer.Exit(
        verbs.grade(
            name,
            students=students or [],
            jobs=jobs,
            regrade=regrade,
            dry_run=dry_run,
            unsafe=unsafe,
            cell_seconds=cell_seconds,
            db=db,
            scheduler=scheduler,
            root=root,
            assignment=assignment,
            into=into,
        )
    )


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if anything is stale.")] = False,
) -> None:
    """Build notebooks/ and the index from solutions/ (for authors)."""
    raise typer.Exit(verbs.build(check))


@app.command()
def lint() -> None:
    """Look for mistakes in the lesson sources (for authors)."""
    raise typer.Exit(verbs.lint())


@app.command()
def report(
    assignment: Assignment,
    canvas: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a gradebook for Canvas.")] = None,
    moodle: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a gradebook for Moodle.")] = None,
    roster: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Canvas's or Moodle's own export: it has their ids.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The assignment's name in Canvas or Moodle.")] = None,
    core: Annotated[
        bool, typer.Option("--core", help="In gradebooks: out of core points, at most 100 %.")
    ] = False,
    root: Root = None,
) -> None:
    """Report on a graded class: scores, misconceptions, who needs help (for instructors)."""
    from course.reporting import report

    report(assignment, canvas=canvas, moodle=moodle, roster=roster, title=title, core=core, root=root)


@app.command()
def feedback(
    assignment: Assignment,
    student: Annotated[str | None, typer.Option(help="Only this student's pages.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="How many at once; by default all cores.")] = None,
    root: Root = None,
) -> None:
    """Write feedback for students: their graded notebooks, harmless to open (for instructors)."""
    from course.reporting import feedback

    raise typer.Exit(feedback(assignment, student, root, jobs))


@app.command()
def pack(
    students: Annotated[bool, typer.Option("--students", help="The only kind of package there is.")] = False,
    into: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="By default classroom/students.")
    ] = None,
) -> None:
    """Pack what students get: notebooks and a wheel, without answers (for instructors)."""
    from course.reporting import pack

    if not students:
        raise typer.BadParameter("say for whom: course pack --students")
    pack(into)


def main() -> None:
    """Run the command; what a person can put right is told in one sentence, with exit status 1."""
    _prepare()
    try:
        app(prog_name="course")
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(("course.", "autograder.")):
            raise
        print(
            "This is the students' installation: it has no verbs for instructors and authors.",
            file=sys.stderr,
        )
        sys.exit(1)


def _prepare() -> None:
    programs = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if programs not in path:  # nbgrader calls alembic by name
        os.environ["PATH"] = os.pathsep.join([programs, *path])
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without Unicode shows ? rather than a traceback
            stream.reconfigure(errors="replace")
