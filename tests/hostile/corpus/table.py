"""The table in docs/hostile.md: both columns come from runs, kept as JSON beside the corpus."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from .attack import Attack

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "tests" / "hostile" / "results"
STOCK, OURS = RESULTS / "nbgrader.json", RESULTS / "course_grade.json"
TABLE = ROOT / "docs" / "hostile.md"
NOT_RUN = "not yet run"
OPENING = """# Hostile submissions: stock nbgrader and `course grade`

<!-- Written by scripts/hostile_against_nbgrader.py from what was run; do not edit. -->

Every row is a submission of lesson 01 in `tests/hostile/corpus/`. Honest students are graded beside it. *ok* means:
the run went on, nobody's score changed, nothing was forged or read, and no point was lost that was earned.
Stock nbgrader ran with the limits of an account of its own (12 GB of memory, 700 processes, 512 MB a file); it has
none of its own.
"""


def read(path: Path) -> dict[str, str]:
    """What was found, by attack; nothing if nothing was run."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def keep(path: Path, found: Mapping[str, str]) -> None:
    """Write what was found."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def write(attacks: Mapping[str, Attack]) -> None:
    """Write the table, theme by theme, below the numbers."""
    stock, ours = read(STOCK), read(OURS)
    lines = [OPENING, "| | attacks | ok in nbgrader | ok in `course grade` |", "|---|--:|--:|--:|"]
    themes = list(dict.fromkeys(attack.theme for attack in attacks.values()))
    members = {theme: [a.name for a in attacks.values() if a.theme == theme] for theme in themes}
    for theme, names in (*members.items(), ("all", list(attacks))):
        lines.append(f"| {theme} | {len(names)} | {_count(stock, names)} | {_count(ours, names)} |")
    for theme, names in members.items():
        lines += [f"\n## {theme.capitalize()}\n", "| attack | nbgrader | `course grade` |", "|---|---|---|"]
        lines += [
            f"| {_cell(attacks[name].tries)} | {_cell(stock.get(name, NOT_RUN))} | {_cell(ours.get(name, NOT_RUN))} |"
            for name in names
        ]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _count(found: Mapping[str, str], names: list[str]) -> str:
    """How many of those that were run came out well."""
    kinds = Counter(_kind(found.get(name, NOT_RUN)) for name in names)
    run = kinds["ok"] + kinds["harmed"]
    return f"{kinds['ok']} of {run}" if run else NOT_RUN


def _kind(said: str) -> str:
    return (
        "not run"
        if said.startswith("not ") and "run" in said
        else "ok"
        if said.startswith("ok")
        else "harmed"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
