"""The TeX that a card may use, all of it known to MathJax: what each command takes."""

from __future__ import annotations

from drills.maths.symbols import CLOSING, FENCES, LARGE, OPENING, OPERATIONS, ORDINARY, SPACES

#: A mark on what follows, as a combining character.
ACCENTS = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "bar": "\u0304",
    "overline": "\u0305",
    "underline": "\u0332",
    "vec": "\u20d7",
    "dot": "\u0307",
    "ddot": "\u0308",
    "check": "\u030c",
}

#: Words, set as they are.
WORDS = frozenset({"text", "textrm", "textbf", "textit", "texttt", "mathrm", "operatorname"})

#: Another alphabet for what follows.
ALPHABETS = frozenset(
    {"mathbb", "mathcal", "mathbf", "mathit", "mathsf", "mathtt", "mathscr", "mathfrak", "boldsymbol"}
)

#: They say how large something is set, or where its limits go.
STYLES = frozenset({"displaystyle", "textstyle", "scriptstyle", "limits", "nolimits"})

#: Before a delimiter, which they make larger.
SIZES = frozenset(size + side for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m"))
SIDES = frozenset({"left", "middle", "right"})

FRACTIONS = frozenset({"frac", "tfrac", "dfrac"})
BINOMIALS = frozenset({"binom", "tbinom", "dbinom"})
BRACES = frozenset({"underbrace", "overbrace"})  # what they say stands in a script
OTHERS = frozenset({"sqrt", "begin", "end", "\\", "pmod", "boxed"})

#: With what stands to both sides of their rows.
ENVIRONMENTS = {
    "matrix": ("", ""),
    "smallmatrix": ("", ""),
    "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
    "vmatrix": ("|", "|"),
    "Vmatrix": ("‖", "‖"),
    "cases": ("{", ""),
    "aligned": ("", ""),
    "gathered": ("", ""),
    "split": ("", ""),
}

COMMANDS = frozenset().union(
    *(ORDINARY, OPERATIONS, LARGE, OPENING, CLOSING, FENCES, SPACES, ACCENTS, WORDS, ALPHABETS, STYLES),
    *(SIZES, SIDES, FRACTIONS, BINOMIALS, BRACES, OTHERS),
)
