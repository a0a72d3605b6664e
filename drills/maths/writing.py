"""Writing TeX as one line of Unicode, in the form in which one would type it into a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from drills.maths import commands
from drills.maths.letters import lettered, lowered, marked, raised
from drills.maths.parser import TexError, parse
from drills.maths.tree import Accented, Fraction, Grid, Kind, Lettered, Node, Root, Row, Scripted, Sign

_SIGNS = ("+", "−", "±", "∓")
_MINUS = {"-": "−"}
_SIMPLE = {("1", "2"): "½", ("1", "4"): "¼", ("3", "4"): "¾"}  # in every font


@dataclass(frozen=True)
class _Written:
    """Something written, and how it behaves among others.

    `loose` says that it comes apart beside a letter, like a fraction or a logarithm; `open_ended` that a
    letter after it would read as a part of it, like a script that had to be spelt with ``_``.
    """

    text: str
    kind: Kind = "ordinary"
    loose: bool = False
    open_ended: bool = False


def unicode(tex: str) -> str:
    """Write what stands between dollars for a terminal; lines of it are lines.

    TeX that cannot be read stays as it is.
    """
    try:
        row = parse(tex)
    except TexError:
        return tex.strip()
    return _text(row)


def _text(node: Node, *, tight: bool = False) -> str:
    """Write something that stands alone; `tight` as in a script."""
    return _joined(_all(node, tight), tight=tight).strip()


def _all(node: Node, tight: bool) -> list[_Written]:
    """What a row is made of, or the one thing that a node is; inner groups of signs are no groups here."""
    if not isinstance(node, Row):
        return [_one(node, tight)]
    return [piece for part in node.parts for piece in _all(part, tight)]


def _one(node: Node, tight: bool) -> _Written:
    if isinstance(node, Sign):
        return _Written(_MINUS.get(node.text, node.text), node.kind, loose=node.kind == "large")
    if isinstance(node, Scripted):
        return _scripted(node, tight)
    if isinstance(node, Fraction):
        return _fraction(node, tight)
    if isinstance(node, Root):
        order = _text(node.order, tight=True) if node.order else ""
        return _Written(f"{raised(order) if order else ''}√{_held(node.of, tight)}")
    if isinstance(node, Accented):
        return _Written(marked(node.mark, _text(node.of, tight=tight)))
    if isinstance(node, Lettered):
        return _Written(lettered(node.alphabet, _text(node.of, tight=tight)))
    if isinstance(node, Grid):
        return _grid(node)
    return _Written(_text(node, tight=tight))


def _scripted(node: Scripted, tight: bool) -> _Written:
    base = node.base
    inner = _all(base, tight)
    alone = inner[0] if len(inner) == 1 else None
    text = alone.text if alone else f"({_joined(inner, tight=tight)})" if inner else ""
    below = lowered(_text(node.below, tight=True)) if node.below else ""
    above = raised(_text(node.above, tight=True)) if node.above else ""
    if alone and alone.loose and isinstance(base, Fraction):
        text = f"({text})"
    last = above or below
    return _Written(
        f"{text}{below}{above}",
        kind=alone.kind if alone else "ordinary",
        loose=bool(alone and alone.kind == "large"),
        open_ended=last[:1] in ("_", "^") and not last.endswith(")"),
    )


def _fraction(node: Fraction, tight: bool) -> _Written:
    top, bottom = _text(node.top, tight=tight), _text(node.bottom, tight=tight)
    if not node.line:
        return _Written(f"({top} over {bottom})")
    if (top, bottom) in _SIMPLE:
        return _Written(_SIMPLE[top, bottom], "number")
    over = top if _is_product(node.top) else f"({top})"
    return _Written(f"{over}/{_held(node.bottom, tight)}", loose=True)


def _held(node: Node, tight: bool) -> str:
    """Something in parentheses, unless it holds together without them."""
    text = _text(node, tight=tight)
    return text if _is_one(node) else f"({text})"


def _is_one(node: Node) -> bool:
    pieces = [piece for piece in _all(node, tight=True) if piece.kind != "space"]
    if len(pieces) == 2 and pieces[0].text in ("∂", "d"):
        pieces = pieces[1:]
    if len(pieces) == 1:
        return not pieces[0].loose
    return _is_enclosed(pieces)


def _is_enclosed(pieces: Sequence[_Written]) -> bool:
    """Whether the first piece opens what the last one closes, as in (a + b), or f(x)."""
    start = 1 if pieces and pieces[0].kind in ("ordinary", "large", "words") else 0
    if start and not pieces[0].text[:1].isalpha():
        return False
    depth = 0
    for place, piece in enumerate(_with_sides(pieces[start:]), start):
        depth += (piece.kind == "open") - (piece.kind == "close")
        if depth == 0:
            return place > start and place == len(pieces) - 1
    return False


def _is_product(node: Node) -> bool:
    """Whether nothing in it comes apart when it is divided as a whole."""
    pieces = _with_sides(_all(node, tight=True))
    if _is_enclosed(pieces):
        return True
    depth = 0
    for piece in pieces:
        depth += (piece.kind == "open") - (piece.kind == "close")
        if depth == 0 and (piece.kind == "operation" or piece.loose or piece.text == "/"):
            return False
    return True


def _grid(node: Grid) -> _Written:
    rows = [[_text(cell) for cell in row] for row in node.rows]
    if node.environment in ("aligned", "split", "gathered"):
        return _Written("\n".join(" ".join(filter(None, row)) for row in rows))
    if node.environment == "cases":
        return _Written("{ " + "; ".join(", ".join(row) for row in rows))
    opened, closed = commands.ENVIRONMENTS[node.environment]
    return _Written(f"{opened or '['}{'; '.join(', '.join(row) for row in rows)}{closed or ']'}")


def _joined(pieces: Sequence[_Written], *, tight: bool) -> str:
    text = ""
    before: _Written | None = None
    sided = _with_sides(pieces)
    for place, piece in enumerate(sided):
        if piece.kind == "space":
            text = f"{text.rstrip(' ')}{piece.text}" if piece.text else text
            before = None if len(piece.text) > 1 else before  # something else begins
            continue
        after = next((one for one in sided[place + 1 :] if one.kind != "space" or len(one.text) > 1), None)
        shown = piece.text
        if piece.loose and piece.kind != "large" and (_ends_factor(before) or _begins_factor(after)):
            shown = f"({shown})"
        if text and before and not text.endswith((" ", "\n")):
            text += _gap(before, replace(piece, text=shown), tight)
        text += shown
        before = _as_sign(piece, before)
    return text


def _with_sides(pieces: Sequence[_Written]) -> list[_Written]:
    """Tell of each vertical line whether it opens or closes: in turn."""
    opened: list[str] = []
    sided = []
    for piece in pieces:
        if piece.kind != "fence":
            sided.append(piece)
        elif opened and opened[-1] == piece.text[:1]:
            opened.pop()
            sided.append(replace(piece, kind="close"))
        else:
            opened.append(piece.text[:1])
            sided.append(replace(piece, kind="open"))
    return sided


def _as_sign(piece: _Written, before: _Written | None) -> _Written:
    """A plus or minus that belongs to what follows behaves like something that opens."""
    signs = before is None or before.kind in ("operation", "open", "comma", "large")
    return replace(piece, kind="open") if piece.text in _SIGNS and signs else piece


def _ends_factor(piece: _Written | None) -> bool:
    return piece is not None and piece.kind in ("ordinary", "number", "large", "close")


def _begins_factor(piece: _Written | None) -> bool:
    return piece is not None and piece.kind in ("ordinary", "number", "large", "open")


def _gap(before: _Written, piece: _Written, tight: bool) -> str:
    """What stands between two things: in a script as little as possible."""
    if before.kind == "open" or piece.kind in ("close", "comma") or "/" in (before.text, piece.text):
        return ""
    for one in (before, piece):
        if one.kind == "operation":
            return "" if tight and not one.text.isalpha() else " "
    if before.kind == "comma":
        return "" if tight else " "
    if before.kind == "large":
        is_called = piece.text[:1] in ("(", "[") and before.text[:1].isalpha()
        return "" if is_called or (tight and not before.text[:1].isalpha()) else " "
    if piece.kind == "large":
        apart = _ends_factor(before) or before.kind == "words"
        return " " if apart and not (tight and not piece.text.isalpha()) else ""
    apart = before.open_ended or before.kind == "number" == piece.kind
    return " " if apart and piece.text[:1].isalnum() else ""
