"""Numbers in a card's sentences: ``[[expression]]`` becomes its value, in text as in mathematics."""

from __future__ import annotations

import re
from collections.abc import Mapping

from drills.grammar import Name, Value, evaluate, parse
from drills.maths.pieces import Piece, pieces

DIGITS = 4  # significant ones of a real number
GIVEN = 12  # enough for any drawn number, which was rounded when it was drawn
_LARGE = 10_000  # from here on thousands are set apart
_HUGE = 1e15  # from here on, and below `_TINY`, as a power of ten
_TINY = 1e-4
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_HOLE = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)


def fill(text: str, values: Mapping[str, Value], given: frozenset[str] = frozenset()) -> str:
    """Put values into a text.

    Parameters
    ----------
    text : str
        Markdown with TeX between dollars, and ``[[expression]]`` here and there.
    values : mapping
        Of each name that an expression may hold.
    given : frozenset of str
        Names whose values are printed as they were drawn, not shortened.

    Raises
    ------
    FormulaError
        If an expression cannot be read or computed.
    """
    filled = []
    for piece in pieces(text):
        parts = _HOLE.split(piece.inside) if piece.kind != "code" else [piece.inside]
        parts[1::2] = [_value(part, values, given, tex=piece.is_maths) for part in parts[1::2]]
        filled.append(Piece(piece.kind, "".join(parts)).written)
    return "".join(filled)


def with_one(text: str) -> str:
    """A text with a 1 for each expression: to see its form without its values."""
    return _HOLE.sub("1", text)


def _value(expression: str, values: Mapping[str, Value], given: frozenset[str], *, tex: bool) -> str:
    tree = parse(expression)
    as_drawn = isinstance(tree, Name) and tree.name in given
    return in_words(evaluate(tree, values), tex=tex, digits=GIVEN if as_drawn else DIGITS)


def in_words(value: Value, *, tex: bool = False, digits: int = DIGITS) -> str:
    """A number as it is printed: 1024, 32,768, 0.6931, 1.5·10⁻⁷; a vector between parentheses.

    Parameters
    ----------
    value : float or tuple of float
        Integers are printed in full, others with `digits` significant digits.
    tex : bool
        For mathematics between dollars.
    """
    if isinstance(value, tuple):
        gap = ",\\ " if tex else ", "
        return f"({gap.join(in_words(entry, tex=tex, digits=digits) for entry in value)})"
    size = abs(float(value))
    sign = ("-" if tex else "−") if value < 0 else ""
    if size >= _HUGE or 0 < size < _TINY:
        factor, _, power = f"{size:.{digits - 1}e}".partition("e")
        factor = factor.rstrip("0").rstrip(".")
        if tex:
            return f"{sign}{factor} \\cdot 10^{{{int(power)}}}"
        return f"{sign}{factor}·10{str(int(power)).translate(_SUPERSCRIPTS)}"
    if size.is_integer() or (size >= _LARGE and digits <= DIGITS):
        plain = f"{size:,.0f}" if size >= _LARGE else f"{size:.0f}"
    else:
        plain = f"{size:.{digits}g}"
    return sign + (plain.replace(",", "{,}") if tex else plain)
