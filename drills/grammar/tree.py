"""What a formula is once it is read: a tree of numbers, names, operations and calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written, so never negative."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """Something that has a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus something."""

    of: Tree


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operation right``, where the operation is one of ``+ - * / ^``."""

    operation: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Call:
    """A function of some arguments."""

    function: str
    arguments: tuple[Tree, ...]


Tree = Number | Name | Negative | Binary | Call


def children(tree: Tree) -> tuple[Tree, ...]:
    """What a tree is made of, one level down."""
    if isinstance(tree, Binary):
        return tree.left, tree.right
    if isinstance(tree, Negative):
        return (tree.of,)
    return tree.arguments if isinstance(tree, Call) else ()


def names(tree: Tree) -> frozenset[str]:
    """The names in a tree, those of the constants ``e`` and ``pi`` among them."""
    return frozenset(node.name for node in _nodes(tree) if isinstance(node, Name))


def _nodes(tree: Tree) -> Iterator[Tree]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children(node))
