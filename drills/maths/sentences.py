"""A card's sentences for a terminal: Markdown stays, TeX becomes Unicode or stays as it is."""

from __future__ import annotations

import re

from drills.maths.pieces import Piece, pieces
from drills.maths.writing import unicode

_MARKED = re.compile(r"([\\`*_{}\[\]()#+\-.!<>|~$&:])")


def readable(text: str, *, tex: bool = False) -> str:
    """Markdown that a terminal can show.

    Parameters
    ----------
    text : str
        Markdown with TeX between dollars.
    tex : bool
        Whether mathematics stays as TeX, dollars included, instead of becoming Unicode.

    Returns
    -------
    str
        Markdown without mathematics: what stood between dollars is escaped, so that no sign of it is
        taken for Markdown. A formula that stood between double dollars gets lines of its own.
    """
    return "".join(_shown(piece, tex) for piece in pieces(text)).strip()


def _shown(piece: Piece, tex: bool) -> str:
    if not piece.is_maths:
        return piece.inside
    written = piece.written if tex else unicode(piece.inside)
    if piece.kind == "inline":
        return _escaped(" ".join(written.split("\n")))
    lines = [_escaped(line.strip()) for line in written.splitlines() if line.strip()]
    return "\n\n" + "\\\n".join(lines) + "\n\n"


def _escaped(text: str) -> str:
    return _MARKED.sub(r"\\\1", text)
