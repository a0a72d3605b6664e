"""Greek letters and what they are called: in formulas, as in TeX."""

from __future__ import annotations

import unicodedata


def _called(letter: str) -> str:
    name = unicodedata.name(letter).rpartition(" ")[2].lower().replace("lamda", "lambda")
    return name if letter.islower() else name.capitalize()


LETTERS = {letter: _called(letter) for letter in "αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"}
