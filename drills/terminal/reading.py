"""What somebody typed on one line, as a reply; each reader raises `ReplyError` with what to type."""

from __future__ import annotations

import re
from collections.abc import Sequence

from drills.replies import ReplyError
from drills.steps import Rating

LETTERS = "abcdefgh"


def confidence(typed: str, levels: Sequence[float]) -> float | None:
    """A place from 1, or a percentage; nothing leaves it unsaid."""
    typed = typed.strip().removesuffix("%").strip()
    if not typed:
        return None
    try:
        value = float(typed)
    except ValueError:
        value = -1.0
    if value in range(1, len(levels) + 1):
        return levels[int(value) - 1]
    near = [level for level in levels if abs(100 * level - value) < 1e-6]
    if not near:
        raise ReplyError(f"Type a number from 1 to {len(levels)}, or Enter to leave it unsaid.")
    return near[0]


def choice(typed: str, count: int) -> int:
    """A letter, or a place from 1."""
    typed = typed.strip().lower().rstrip(").")
    if len(typed) == 1 and typed in LETTERS[:count]:
        return LETTERS.index(typed)
    if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= count:
        return int(typed) - 1
    raise ReplyError(f"Type a letter from a to {LETTERS[count - 1]}.")


def line(typed: str, count: int) -> int:
    """The number of a line."""
    typed = typed.strip()
    if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= count:
        return int(typed)
    raise ReplyError(f"Type the number of a line, from 1 to {count}.")


def places(typed: str, count: int) -> list[int]:
    """Numbers from 1, ``all`` or ``none``."""
    typed = typed.strip().lower()
    if typed in ("all", "a"):
        return list(range(count))
    if typed in ("none", "n", "0", "-"):
        return []
    words = [word for word in re.split(r"[\s,;]+", typed) if word]
    if words and all(w.isascii() and w.isdigit() and 1 <= int(w) <= count for w in words):
        return sorted({int(word) - 1 for word in words})
    raise ReplyError(
        f"Type numbers from 1 to {count} (such as 1 2), all, or none." if count > 1 else "Type 1, or none."
    )


def rating(typed: str) -> int | None:
    """A number from 1 to 4 or the word; nothing keeps what was computed."""
    typed = typed.strip().lower()
    if not typed:
        return None
    for one in Rating:
        if typed in (str(int(one)), one.name.lower()):
            return int(one)
    raise ReplyError("Type Enter to keep it, or 1 for Again, 2 for Hard, 3 for Good, 4 for Easy.")
