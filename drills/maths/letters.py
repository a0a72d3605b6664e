"""Letters that Unicode has raised, lowered, or in another alphabet; fonts of terminals have these."""

from __future__ import annotations

import unicodedata

from drills.maths.commands import ACCENTS

_RAISED = str.maketrans(
    "0123456789+−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW⊤′*",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵀ′*",
)
_LOWERED = str.maketrans("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_BOARD = str.maketrans("CHNPQRZ", "ℂℍℕℙℚℝℤ")
_SCRIPT = str.maketrans("BEFHILMR", "ℬℰℱℋℐℒℳℛ")
_ALPHABETS = {"mathbb": _BOARD, "mathcal": _SCRIPT, "mathscr": _SCRIPT}
_NAMES = {mark: name for name, mark in reversed(ACCENTS.items())}
_READABLE = 3  # letters: max and row, but not image
_LONG = ("\u0305", "\u0332")  # lines, which go on over several letters


def raised(text: str) -> str:
    """A superscript: as such if Unicode has it and it stays readable, else with ``^``."""
    bases = [
        letter for letter in text if unicodedata.category(letter) != "Lm"
    ]  # what is not an index of another
    is_number = text.replace(".", "", 1).isdecimal()
    return _script(text, _RAISED, "^", is_bare=is_number or (text.isalpha() and len(bases) == 1))


def lowered(text: str) -> str:
    """A subscript: as such if Unicode has it and it stays readable, else with ``_``."""
    return _script(text, _LOWERED, "_", is_bare=text.isalpha())


def lettered(alphabet: str, text: str) -> str:
    """A text in another alphabet, as far as a terminal has it."""
    return text.translate(_ALPHABETS.get(alphabet, {}))


def marked(mark: str, text: str) -> str:
    """A letter with a combining mark, or what the mark is called with what it stands over."""
    if len(text) == 1 or (mark in _LONG and text.isalnum()):
        return unicodedata.normalize("NFC", "".join(letter + mark for letter in text))
    return f"{_NAMES[mark]}({text})"


def _script(text: str, table: dict[int, int], sign: str, *, is_bare: bool) -> str:
    is_long_word = len(text) > _READABLE and text.isalpha()
    if all(ord(letter) in table for letter in text) and not is_long_word:
        return text.translate(table)
    return f"{sign}{text}" if is_bare or len(text) == 1 else f"{sign}({text})"
