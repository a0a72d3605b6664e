"""What must hold after an attack: each check says what went wrong, or nothing."""

from __future__ import annotations

import os
import re
import sqlite3
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from autograder import cases
from autograder.exercises import load

from .attack import LESSON, Check, Ran

CANARY = "as it was\n"
#: In every honest submission, and in nothing that others get.
PRIVATE = "# This line belongs to "
SAW = re.compile(rb"SAW\[(-?[0-9.e+-]+)\]")


def canary_untouched(ran: Ran) -> str | None:
    """Nobody wrote to, removed or re-dated the file outside."""
    canary = ran.setting.canary
    if not canary.exists() or canary.read_text() != CANARY:
        return "a file outside was changed"
    status = canary.stat()
    kept = (status.st_mode & 0o777, int(status.st_mtime)) == ran.watch.canary
    return None if kept else "mode or date of a file outside was changed"


def nobody_called(ran: Ran) -> str | None:
    """No packet came to 127.0.0.1."""
    called = ran.watch.calls(ran.attack.name)
    return f"it reached {' and '.join(called)} on 127.0.0.1" if called else None


def sibling_lives(ran: Ran) -> str | None:
    """The process beside is neither dead nor stopped nor traced."""
    try:
        status = Path(f"/proc/{ran.setting.pid}/status").read_text()
    except OSError:
        return "a process beside was killed"
    state, tracer = (re.search(rf"{name}:\s+(\S+)", status) for name in ("State", "TracerPid"))
    assert state is not None
    assert tracer is not None
    if state[1] == "Z":
        return "a process beside was killed"
    return None if state[1] not in "Tt" and tracer[1] == "0" else "a process beside was stopped or traced"


def nobody_left(ran: Ran) -> str | None:
    """No process of the attack outlived the run."""
    left = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                left += [folder.name] * (
                    b"hostile-" + ran.attack.name.encode() in (folder / "cmdline").read_bytes()
                )
            except OSError:  # it ended while we looked
                continue
    return "a process was left running" if left else None


def small(limit: int) -> Check:
    """The autograded notebook and the feedback hold at most so many bytes."""

    def check(ran: Ran) -> str | None:
        largest = max(map(len, ran.artefacts.values()), default=0)
        return f"{largest / 1e6:.0f} MB in what is kept of it" if largest > limit else None

    return check


def lacks(text: str, what: str) -> Check:
    """Nothing written about the student holds this text; the class's secret and the like are filled in."""

    def check(ran: Ran) -> str | None:
        wanted = ran.setting.fill(text).encode()
        return (
            f"{what} in {_where(ran, lambda data: wanted in data)}"
            if _where(ran, lambda data: wanted in data)
            else None
        )

    return check


def no_secret(ran: Ran) -> str | None:
    """The class's secret is in nothing that is written about the student."""
    rest = ran.secret.removeprefix(ran.setting.prefix).encode()
    where = _where(ran, lambda data: rest in data)
    return f"the class's secret in {where}" if where else None


def no_hidden_inputs(ran: Ran) -> str | None:
    """What the answer said that it was given are public inputs only."""
    where = _where(ran, lambda data: bool({float(x) for x in SAW.findall(data)} - _public()))
    return f"hidden inputs in {where}" if where else None


def no_private_lines(ran: Ran) -> str | None:
    """Nothing of another student's submission is written about this one."""
    where = _where(ran, lambda data: PRIVATE.encode() in data)
    return f"another student's answers in {where}" if where else None


def no_solutions(ran: Ran) -> str | None:
    """No line of the instructor's sources."""
    where = _where(ran, lambda data: b"### BEGIN SOLUTION" in data)
    return f"the instructor's source in {where}" if where else None


def nothing_traced(ran: Ran) -> str | None:
    """It did not get hold of another process."""
    where = _where(ran, lambda data: b"ATTACHED to" in _printed(data))
    return "it traced another process" if where else None


def gradebook_whole(ran: Ran) -> str | None:
    """The gradebook can be read, and holds no score or comment that nobody gave."""
    path = ran.setting.root / "classroom" / "gradebook.db"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                return "the gradebook is damaged"
            changed = connection.execute(
                "SELECT count(*) FROM grade WHERE manual_score IS NOT NULL"
            ).fetchone()[0]
            changed += connection.execute("SELECT count(*) FROM grade WHERE extra_credit > 0").fetchone()[0]
    except sqlite3.Error as error:
        return f"the gradebook is damaged ({error})"
    return f"{changed} scores in the gradebook were written by it" if changed else None


def neighbours_whole(ran: Ran) -> str | None:
    """What honest students handed in is as it was."""
    changed = [
        path for path, content in ran.watch.files.items() if not path.exists() or path.read_bytes() != content
    ]
    return f"{len(changed)} submissions of others were changed" if changed else None


def nothing_written_beside(ran: Ran) -> str | None:
    """It left no file in the clone outside what a grader keeps of it."""
    root = ran.setting.root
    kept = [root / "classroom" / step / ran.student for step in ("submitted", "autograded", "feedback")]
    marked = [
        path
        for path in root.rglob(f"hostile-{ran.attack.name}*")
        if not any(path.is_relative_to(folder) for folder in kept)
    ]
    return f"it wrote {len(marked)} files into the clone" if marked else None


def no_script(ran: Ran) -> str | None:
    """There is a page about the student, and none that runs what they wrote."""
    if ran.earned is not None and not any(path.endswith(".html") for path in ran.artefacts):
        return "no feedback could be written"
    for path, data in ran.artefacts.items():
        if path.endswith(".html") and (found := scripts_in(data.decode(errors="replace"))):
            return f"feedback runs a script ({', '.join(sorted(found))})"
    return None


def scripts_in(text: str) -> set[str]:
    """Where a page would run what attacks call `pwned`."""
    page = _Page()
    page.feed(text)
    runs_tex = "<script" in text.lower()  # TeX is text where nothing reads it
    return page.found if runs_tex else page.found - {"TeX"}


class _Page(HTMLParser):
    """Where a page would run `pwned`: scripts, handlers, addresses, and TeX outside of code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[str] = set()
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        kind = dict(attributes).get("type") or "text/javascript"
        if tag in ("script", "style", "pre", "code"):
            runs = tag != "script" or "javascript" in kind or kind == "module"
            self.inside.append(tag if runs else "data")
        for name, value in attributes:
            if value and "pwned" in value:
                compact = re.sub(r"[\s\x00]", "", value).lower()
                if name.startswith("on"):
                    self.found.add(name)
                elif (
                    compact.startswith(("javascript:", "data:text/html", "vbscript:"))
                    or name == "srcdoc"
                    or (tag, name) == ("script", "src")
                ):
                    self.found.add(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] in (tag, "data" if tag == "script" else tag):
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside[-1:] == ["script"] and "pwned" in data:
            self.found.add("script")
        if not self.inside and re.search(r"\\href\s*\{\s*javascript:", data):
            self.found.add("TeX")


def _where(ran: Ran, holds) -> str:  # type: ignore[no-untyped-def]
    """The kinds of files for which this is true, in words."""
    return " and ".join(sorted({path.split("/")[0] for path, data in ran.artefacts.items() if holds(data)}))


def _printed(data: bytes) -> bytes:
    """A file without the sources of cells, in which an attack's words stand as well."""
    return re.sub(rb'"source": (\[[^\]]*\]|"(\\.|[^"\\])*")', b"", data)


@cache
def _public() -> set[float]:
    exercise = load("infonce.clip_loss")
    return {round(float(case.inputs["image_features"].sum()), 9) for case in cases(exercise)}


#: What holds for every attack, whatever it tries.
ALWAYS: tuple[Check, ...] = (
    canary_untouched,
    no_secret,
    no_hidden_inputs,
    no_private_lines,
    gradebook_whole,
    neighbours_whole,
    nothing_written_beside,
    nobody_left,
)


def lesson_folder(ran: Ran, step: str) -> Path:
    """Where a step of nbgrader keeps the student's lesson."""
    return Path(os.fspath(ran.setting.root / "classroom" / step / ran.student / LESSON))
