"""Cutting a formula into numbers, names and signs, with the many ways in which people write each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from drills.grammar.errors import GrammarError
from drills.greek import LETTERS

LENGTH = 2000  # characters

_NAMES = {
    **LETTERS,
    "ϵ": "epsilon",
    "ϑ": "theta",
    "ϕ": "phi",
    "ϱ": "rho",
    "µ": "mu",  # the sign of micro, which a keyboard has
    "ℓ": "ell",
}
_SIGNS = {
    **dict.fromkeys("−–", "-"),
    **dict.fromkeys("·⋅×∗•", "*"),
    **dict.fromkeys("÷∕", "/"),
    "**": "^",
    "√": "sqrt",
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")

_GREEK = "".join(_NAMES)
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<number>(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+\-−]?[0-9]+)?)
    |(?P<name>[A-Za-z{_GREEK}][A-Za-z0-9_₀-₉{_GREEK}]*)
    |(?P<superscript>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
    |(?P<sign>\*\*|[-+*/^(),|−–·⋅×∗•÷∕√])
    |(?P<end>$)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula.

    `text` is in the plain spelling (``tau``, ``*``, ``^``); `written` is what stands in the formula,
    `position` where it starts, from 1.
    """

    kind: Literal["number", "name", "superscript", "sign", "end"]
    text: str
    written: str
    position: int


def tokens(text: str) -> list[Token]:
    """Cut a formula into its pieces; the last one is of kind ``end``.

    Raises
    ------
    GrammarError
        If it is too long or holds a character that means nothing here.
    """
    if len(text) > LENGTH:
        raise GrammarError(f"A formula has at most {LENGTH} characters, this one {len(text)}", LENGTH + 1)
    text = text.rstrip()
    found: list[Token] = []
    place = 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise _strange(text, place)
        written = match[match.lastgroup]
        found.append(_token(match.lastgroup, written, match.start(match.lastgroup) + 1))
        place = match.end()
    return found


def _token(kind: str, written: str, position: int) -> Token:
    if kind == "name":
        return Token("name", _plain(written), written, position)
    if kind == "superscript":
        return Token("superscript", written.translate(_SUPERSCRIPTS), written, position)
    if kind == "number":
        return Token("number", written.replace("_", "").replace("−", "-"), written, position)
    plain = _SIGNS.get(written, written)
    if plain == "sqrt":
        return Token("name", plain, written, position)
    return Token("sign" if kind == "sign" else "end", plain, written, position)


def _plain(written: str) -> str:
    """``τ`` is tau, ``σ₁`` is sigma_1."""
    indexed = re.sub(r"(?<![_₀-₉])(?=[₀-₉])", "_", written)
    return "".join(_NAMES.get(letter, letter) for letter in indexed).translate(_SUBSCRIPTS)


def _strange(text: str, place: int) -> GrammarError:
    place += len(text[place:]) - len(text[place:].lstrip())
    character = text[place]
    shown = repr(character) if character.isprintable() else f"U+{ord(character):04X}"
    advice = {
        "[": "; parentheses are round",
        "{": "; parentheses are round",
        "\\": "; names stand without a backslash",
        "=": "; give the right-hand side alone",
        "%": "; write a percentage as a fraction",
    }.get(character, "")
    return GrammarError(f"A formula cannot hold {shown}{advice}", place + 1)
