"""How a drill looks in JupyterLab."""

from __future__ import annotations

from functools import cache
from pathlib import Path

SHEET = Path(__file__).with_name("drill.css")


@cache
def style() -> str:
    """The style sheet, as HTML."""
    return f"<style>{SHEET.read_text(encoding='utf-8')}</style>"
