"""The end of a session, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import ipywidgets

from drills.asking import Outcome
from drills.deck import Deck
from drills.summary import COLUMNS, remarks, row


def ending(outcomes: Sequence[Outcome] | None, deck: Deck, last: str) -> ipywidgets.HTML:
    """How the cards went, what there is to say of it, and a last sentence; only that, if there is None."""
    parts = [_table(outcomes)] if outcomes else []
    sentences = [last]
    if outcomes is not None:
        sentences[:0] = remarks(outcomes, deck) if outcomes else ["No card was answered."]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in sentences if sentence]
    return ipywidgets.HTML(f'<div class="jp-RenderedHTMLCommon drill-end">{"".join(parts)}</div>')


def _table(outcomes: Sequence[Outcome]) -> str:
    head = "".join(f'<th scope="col">{word}</th>' for word in COLUMNS)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row(one))}</tr>" for one in outcomes)
    return f"<h4>How it went</h4><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
