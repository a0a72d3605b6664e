"""What a card's sentences may hold: Markdown with TeX between dollars, for a terminal as for a browser."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def readable(text: str) -> str:
    """Return a text without surrounding blank space.

    Raises
    ------
    ValueError
        If it is empty, holds a control character (which a terminal would obey), or a dollar that opens
        mathematics without closing it.
    """
    text = text.strip()
    if not text:
        raise ValueError("is empty")
    # Most texts are told by one call in C; only what holds a rare space or worse is looked at one by one.
    suspect = text if not text.replace("\n", "").replace("\t", "").isprintable() else ""
    for place, character in enumerate(suspect):
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") and character not in "\n\t":
            raise ValueError(f"holds the control character U+{ord(character):04X} at position {place}")
    if _ESCAPED.sub("", _CODE.sub("", text)).replace("$$", "").count("$") % 2:
        raise ValueError("opens mathematics with $ and does not close it; a plain dollar is written \\$")
    return text


def source(text: str) -> str:
    """Return program text, as it is but for surrounding blank lines.

    Raises
    ------
    ValueError
        If it is empty, is not Python, or holds a control character.
    """
    readable(text.replace("$", "").replace("`", ""))
    text = text.strip("\n") + "\n"
    try:
        compile(text, "card", "exec")
    except SyntaxError as error:
        raise ValueError(f"is not Python: {error.msg}, line {error.lineno}") from None
    return text


#: A sentence or some, in Markdown; mathematics as TeX between dollars.
Text = Annotated[str, Field(max_length=4000), AfterValidator(readable)]
#: Python, complete: what it uses it imports.
Source = Annotated[str, Field(max_length=4000), AfterValidator(source)]
