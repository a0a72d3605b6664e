"""Texts that students control, for a page and for a table."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
#: What a spreadsheet takes for a formula, once blanks before it are dropped; full-width forms as well.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def visible(text: str) -> str:
    """A text whose control characters can be seen: U+202E, say, would turn the rest of a line round."""
    return "".join(
        f"⟨U+{ord(letter):04X}⟩" if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") else letter
        for letter in text
    )


def code(text: str, most: int = 4000) -> str:
    """A program for a `<pre>`: its lines kept, everything else that cannot be seen shown, and not endless."""
    shown = "\n".join(visible(line.expandtabs(4)) for line in text.splitlines())
    return shown if len(shown) <= most else f"{shown[:most]}\n… and {len(shown) - most} characters more"


def number(value: float | None, digits: int = 2) -> str:
    """A number without needless zeros and with a true minus sign; an en dash for none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text.replace("-", "\N{MINUS SIGN}")


def percent(value: float | None) -> str:
    """A share as a whole percentage; an en dash for none."""
    return "–" if value is None else f"{100 * value:.0f} %"


def field(value: object) -> str:
    """A field of a CSV that no spreadsheet runs as a formula.

    Parameters
    ----------
    value : object
        None gives an empty field. Numbers, negative ones too, stay as they are; a text that would be taken
        for a formula gets an apostrophe in front, as OWASP advises.
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value).replace("\0", "")
    if _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) or text.startswith(_FORMULA) else text


def csv_text(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A CSV, with CRLF at the ends of lines, as RFC 4180 has it. Every field is neutralised."""
    made = io.StringIO(newline="")
    writer = csv.writer(made)
    writer.writerow([field(value) for value in header])
    writer.writerows([field(value) for value in row] for row in rows)
    return made.getvalue()
