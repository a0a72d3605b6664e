"""Hidden cases: derived from a secret, for each student and exercise, and never written down.

key(student)   = HMAC-SHA256(secret, student), see `secret.key`
seed(exercise) = HMAC-SHA256(key, "cases" ‖ exercise ‖ draw)
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")


def seed(key: bytes, exercise: str, draw: int) -> int:
    """The seed of a student's hidden cases of an exercise. `draw` counts independent draws."""
    return int.from_bytes(_derived(key, "cases", exercise, str(draw))[:8], "big")


def shuffled(key: bytes, exercise: str, items: Sequence[Item]) -> list[tuple[int, Item]]:
    """Items with their places, in an order that nobody without the key can tell."""

    def rank(numbered: tuple[int, Any]) -> bytes:
        return _derived(key or b"\0", "order", exercise, str(numbered[0]))

    return sorted(enumerate(items), key=rank)


def _derived(key: bytes, *parts: str) -> bytes:
    # Each part goes with its length: ("ab", "c") and ("a", "bc") are different.
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key, message, hashlib.sha256).digest()
