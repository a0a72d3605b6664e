"""What stock nbgrader, and `course grade`, do with each hostile submission: the table in docs/hostile.md.

    python scripts/hostile_against_nbgrader.py                   run what has not been run, write the table
    python scripts/hostile_against_nbgrader.py --theme time      only this theme
    python scripts/hostile_against_nbgrader.py --again           run everything anew
    python scripts/hostile_against_nbgrader.py --table           only write the table

The real commands run, in an account that owns nothing else and with hard limits, on a class of attackers of
one theme and honest students; it needs root and bubblewrap for that. Who stops the run is noted, taken out,
and the run repeated. What `course grade` did is read from what tests/hostile/test_course_grade.py writes.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "hostile"))

from corpus import ATTACKS, LESSON, Attack  # noqa: E402
from corpus.arena import SECRET, Arena, classroom_module, harm, make_clone, roster, tidy  # noqa: E402
from corpus.table import STOCK, keep, read, write  # noqa: E402
from corpus.watch import Watch  # noqa: E402

UID = 61_234  # an account without a name, so that nothing else of this machine belongs to it
GB = 1 << 30
LIMITS = {
    resource.RLIMIT_AS: 12 * GB,
    resource.RLIMIT_FSIZE: GB // 2,
    resource.RLIMIT_NPROC: 700,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_CPU: 600,
}
QUIET = 100  # seconds without a word after which a run counts as stuck


def account() -> list[str]:
    """The command that runs another one in the account.

    Everything but temporary folders is read-only then; and where Python lies in root's own folder, which no
    account may enter, that folder is replaced by one that holds Python alone.
    """
    command = ["bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--bind", "/tmp", "/tmp"]
    home, python = Path("/root"), Path(sys.base_prefix).resolve()
    if python.is_relative_to(home):
        part = str(home / python.relative_to(home).parts[0])
        command += ["--perms", "0755", "--tmpfs", str(home), "--ro-bind", part, part]
    become = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"]
    return [*command, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", *become]


@dataclass
class Run:
    """What became of a class that stock nbgrader graded, perhaps in several goes.

    Parameters
    ----------
    stopped, stuck : dict of str to int
        Students at whom a go ended, or went silent, and how many others were then not graded.
    failed : set of str
        Students that nbgrader itself reports as failed.
    """

    stopped: dict[str, int] = field(default_factory=dict)
    stuck: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)


def nbgrader(arena: Arena, *arguments: str) -> tuple[str, bool, bool]:
    """Run a command in the account and the limits: what it said, whether it went silent, or ended well."""
    log = arena.room.home / f"{arguments[0]}.txt"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*account(), sys.executable, "-m", "nbgrader", *arguments],
            cwd=arena.room.root,
            env=arena.room.environment() | {"COURSE_SEED": SECRET, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_limit,
        )
    stuck = False
    while process.poll() is None:
        time.sleep(0.5)
        if time.time() - log.stat().st_mtime > QUIET:
            stuck = True
            break
    _end_everything(arena.watch.pid)
    process.wait()
    with log.open("rb") as file:
        return file.read(200 << 20).decode(errors="replace"), stuck, process.returncode == 0


def _limit() -> None:
    for what, most in LIMITS.items():
        resource.setrlimit(what, (most, most))


def _end_everything(spared: int) -> None:
    """End the processes of the account, one by one, until none is left but the watch's own."""
    for _ in range(100):
        left = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and folder.stat().st_uid == UID and int(folder.name) != spared:
                    left += [int(folder.name)] if "State:\tZ" not in (folder / "status").read_text() else []
            except OSError:  # it ended while we looked
                continue
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def grade(arena: Arena) -> Run:
    """Autograde a class; again after each student who stops it, without that student."""
    run, handled = Run(), set()
    submitted, away = arena.room.root / "classroom" / "submitted", arena.room.home / "away"
    away.mkdir()
    while True:
        said, stuck, ended_well = nbgrader(arena, "autograde", LESSON, "--Execute.timeout=15")
        begun = re.findall(r"Creating/updating student with ID '(.*?)': \{", said, flags=re.DOTALL)
        unseen = re.findall(rf"No notebooks were matched by '\S*submitted/(.*?)/{LESSON}", said, re.DOTALL)
        errors = re.findall(r"error processing assignment '.*?' for student '(.*?)'", said, re.DOTALL)
        errors += re.findall(rf"error processing assignment: \S*submitted/(.*?)/{LESSON}", said)
        run.failed |= set(errors)
        handled |= {*begun, *errors, *unseen}
        if not stuck and (ended_well or "Please see the" in said[-2000:]):
            return run
        last = next((student for student in reversed(begun) if (submitted / student).exists()), None)
        if last is None:
            return run
        (run.stuck if stuck else run.stopped)[last] = len(arena.students.keys() - handled)
        for student in {last, *run.failed}:
            if (submitted / student).is_dir():
                shutil.move(submitted / student, away / student)


def told(attack: Attack, student: str, arena: Arena, run: Run, harmed: list[str]) -> str:
    """What nbgrader did with an attack, in a few words."""
    said = []
    for how, where in (("run stopped", run.stopped), ("run hung", run.stuck)):
        if student in where:
            said.append(f"{how}: {where[student]} of {len(arena.students) - 1} others not graded")
    if student in run.failed and not said:
        said.append("could not be graded: counts 0")
        harmed = [text for text in harmed if not text.startswith(("no scores", "points lost"))]
    return "; ".join(said + harmed)


def against(attacks: Sequence[Attack], pristine: Path) -> dict[str, str]:
    """Let a class of these attacks meet stock nbgrader, and say what each did."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-stock-"))
    folder.chmod(0o755)
    shutil.copytree(pristine, folder / "clone", symlinks=True)
    (folder / "home").mkdir()
    room = classroom_module().Classroom(folder / "clone", folder / "home")
    with Watch(uid=UID) as watch:
        arena = Arena(room, roster(attacks, every=max(len(attacks), 8)), watch, UID)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, UID, UID, follow_symlinks=False)
        run = grade(arena)
        nbgrader(arena, "generate_feedback", LESSON)
        try:
            earned = arena.earned()
        except sqlalchemy.exc.DatabaseError:
            earned = {}
        wrong = [s for s, points in arena.honest().items() if earned.get(s) != points and s not in run.failed]
        found = {}
        for student, attack in arena.students.items():
            if isinstance(attack, Attack):
                harmed = harm(arena.ran(student, earned), arena.possible)
                if attack.alone and wrong:
                    harmed.append(
                        f"scores of {len(wrong)} of {len(arena.honest())} honest students lost or changed"
                    )
                found[attack.name] = told(attack, student, arena, run, harmed) or "ok"
        if wrong and not any(attack.alone for attack in attacks):
            print(f"  honest scores differ: {', '.join(wrong)}")
    tidy([folder, *left_behind()])
    return found


def left_behind() -> list[Path]:
    """What attacks wrote into places that everybody shares."""
    found = [path for place in ("/tmp", "/dev/shm") for path in Path(place).iterdir()]
    return [path for path in found if path.lstat().st_uid == UID]


def main() -> None:
    """Run what is asked for, keep what was found after each class, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--theme", action="append", help="only attacks of this theme")
    parser.add_argument("--attack", action="append", help="only this attack")
    parser.add_argument("--again", action="store_true", help="also what has been run")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--size", type=int, default=20, help="attackers in a class")
    asked = parser.parse_args()
    found = read(STOCK)
    todo = [
        attack
        for attack in ATTACKS.values()
        if (not asked.theme or attack.theme in asked.theme)
        and (not asked.attack or attack.name in asked.attack)
        and (asked.again or asked.attack or attack.name not in found)
        and not asked.table
    ]
    for attack in todo:
        if attack.not_for_stock:
            found[attack.name] = f"not run: {attack.not_for_stock}"
    todo = [attack for attack in todo if not attack.not_for_stock]
    classes = [[attack] for attack in todo if attack.alone]
    for theme in asked.theme or dict.fromkeys(attack.theme for attack in todo):
        members = [attack for attack in todo if attack.theme == theme and not attack.alone]
        classes += [members[start : start + asked.size] for start in range(0, len(members), asked.size)]
    if classes:
        if os.getuid() != 0:
            parser.error("it gives the run an account of its own, and needs root for that")
        pristine = make_clone()
        for members in classes:
            started = time.monotonic()
            found |= against(members, pristine)
            keep(STOCK, found)
            print(
                f"{members[0].theme}: {len(members)} attackers, {time.monotonic() - started:.0f} s",
                flush=True,
            )
        tidy([pristine.parent])
    keep(STOCK, found)
    write(ATTACKS)


if __name__ == "__main__":
    main()
