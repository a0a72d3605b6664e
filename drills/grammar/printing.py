"""Writing a formula as plain text that reads back as the same tree."""

from __future__ import annotations

from drills.grammar.tree import Binary, Call, Name, Negative, Number, Tree

_SUM, _PRODUCT, _MINUS, _POWER, _ATOM = range(5)
_RANKS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "^": _POWER}
#: What an operation can have to its left and right without parentheses.
_NEEDS = {
    "+": (_SUM, _PRODUCT),
    "-": (_SUM, _PRODUCT),
    "*": (_PRODUCT, _MINUS),
    "/": (_PRODUCT, _MINUS),
    "^": (_ATOM, _MINUS),
}


def show(tree: Tree) -> str:
    """Write a formula with as few parentheses as it needs; `parse` gives the same tree again."""
    if isinstance(tree, Number):
        return str(int(tree.value)) if tree.value.is_integer() and tree.value < 1e15 else repr(tree.value)
    if isinstance(tree, Name):
        return tree.name
    if isinstance(tree, Negative):
        return f"-{_at_least(_POWER, tree.of)}"
    if isinstance(tree, Call):
        return f"{tree.function}({', '.join(map(show, tree.arguments))})"
    left, right = _NEEDS[tree.operation]
    gap = "" if tree.operation == "^" else " "
    return f"{_at_least(left, tree.left)}{gap}{tree.operation}{gap}{_at_least(right, tree.right)}"


def _at_least(rank: int, tree: Tree) -> str:
    return show(tree) if _rank(tree) >= rank else f"({show(tree)})"


def _rank(tree: Tree) -> int:
    if isinstance(tree, Binary):
        return _RANKS[tree.operation]
    return _MINUS if isinstance(tree, Negative) else _ATOM
