"""Reading a formula: precedence climbing over its tokens, with a bound on how deep it may nest."""

from __future__ import annotations

import math
from functools import lru_cache

from drills.grammar.errors import GrammarError
from drills.grammar.functions import FUNCTIONS
from drills.grammar.tokens import Token, tokens
from drills.grammar.tree import Binary, Call, Name, Negative, Number, Tree, children

NEST = 50  # parentheses, and operations to the right of another
DEPTH = 100  # of the tree: a + b + c + … is as deep as it is long

#: How tightly each operation holds what stands to its left, and to its right.
_LEFT = {"+": 10, "-": 10, "*": 20, "/": 20, "^": 30}
_RIGHT = {"+": 10, "-": 10, "*": 20, "/": 21, "^": 29}
_COMMA = "A comma stands between arguments only; decimals have a point"
_DIVISION = _RIGHT["/"]
_MINUS = 25  # -x^2 is -(x^2); -x * y is (-x) * y
_BESIDE = 27  # 2x, a product without a sign


@lru_cache(maxsize=512)  # a card's expressions are read again for every draw
def parse(text: str) -> Tree:
    """Read a formula.

    Parameters
    ----------
    text : str
        Such as ``2x^2 / (N - 1)``. A number may stand directly before a name or a parenthesis; ``^`` and
        ``**`` are powers; ``·``, ``×``, ``÷``, ``−``, superscript digits and Greek letters are understood.

    Raises
    ------
    GrammarError
        If it is no formula, or one that can be read in two ways, or one too long or too deep.
    """
    return _Parser(tokens(text)).formula()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._nested = 0
        self._depths: dict[int, int] = {}  # by id of a node; all nodes live as long as the parser's tree
        self._nodes: list[Tree] = []

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def formula(self) -> Tree:
        if self._next.kind == "end":
            raise GrammarError("There is no formula", 1)
        tree = self._expression(0)
        if self._next.kind != "end":
            raise GrammarError(f"Nothing opens before this {self._next.written!r}", self._next.position)
        return tree

    def _expression(self, hold: int) -> Tree:
        """What stands here, up to an operation that holds its left side no tighter than `hold`."""
        self._nested += 1
        if self._nested > NEST:
            raise GrammarError(f"This nests over {NEST} deep", self._next.position)
        first = self._next
        left = self._operand(hold)
        alone = first.kind == "number"  # a number that nothing stands beside yet
        while True:
            token = self._next
            if token.kind == "sign" and token.text in _LEFT:
                if _LEFT[token.text] <= hold:
                    break
                self._take()
                left = self._node(Binary(token.text, left, self._expression(_RIGHT[token.text])), token)
            elif token.kind == "superscript":
                self._take()
                left = self._node(Binary("^", left, self._superscript(token)), token)
            elif alone and (token.kind == "name" or token.text == "("):
                if hold in (_DIVISION, _RIGHT["^"]):
                    raise self._ambiguous(first, token)
                left = self._node(Binary("*", left, self._expression(_BESIDE)), token)
            elif token.kind in ("number", "name") or token.text == "(":
                raise self._missing(token)
            else:
                break
            alone = False
        self._nested -= 1
        return left

    def _operand(self, hold: int) -> Tree:
        token = self._take()
        if token.kind == "number":
            value = float(token.text)
            if math.isinf(value):
                raise GrammarError("This number is too large", token.position)
            return self._node(Number(value), token)
        if token.kind == "name":
            return self._named(token)
        if token.text == "(":
            inside = self._expression(0)
            self._close(")", token)
            return inside
        if token.text == "|":
            inside = self._expression(0)
            self._close("|", token)
            return self._node(Call("abs", (inside,)), token)
        if token.text in ("-", "+"):
            inside = self._expression(hold if hold >= _DIVISION else _MINUS)
            return self._node(Negative(inside), token) if token.text == "-" else inside
        raise self._no_operand(token)

    def _named(self, token: Token) -> Tree:
        if self._next.text != "(":
            if token.text in FUNCTIONS and self._next.kind in ("name", "number"):
                raise GrammarError(f"Write {token.text}(…), with parentheses", token.position)
            return self._node(Name(token.text), token)
        # A lone σ is a name like any other, σ(x) the sigmoid, as in the lessons.
        name = "sigmoid" if token.written == "σ" else token.text
        if name not in FUNCTIONS:
            raise GrammarError(
                f"There is no function {name}; a product needs its sign: {name} * (…)", token.position
            )
        opened = self._take()
        arguments = [self._expression(0)]
        while self._next.text == ",":
            self._take()
            arguments.append(self._expression(0))
        self._close(")", opened)
        if len(arguments) not in FUNCTIONS[name].counts:
            raise GrammarError(f"{name} does not take {len(arguments)} arguments", token.position)
        return self._node(Call(name, tuple(arguments)), token)

    def _superscript(self, token: Token) -> Tree:
        digits = token.text.lstrip("+-")
        if len(digits) > 9:
            raise GrammarError("This power is too large", token.position)
        power = self._node(Number(float(digits)), token)
        return self._node(Negative(power), token) if token.text.startswith("-") else power

    def _close(self, sign: str, opened: Token) -> None:
        token = self._take()
        if token.text == sign and token.kind == "sign":
            return
        if token.text == ",":
            raise GrammarError(_COMMA, token.position)
        raise GrammarError(f"This {opened.written!r} is not closed", opened.position)

    def _node(self, tree: Tree, token: Token) -> Tree:
        """Note how deep a new tree is, which the depths of its parts tell."""
        depth = 1 + max((self._depths[id(child)] for child in children(tree)), default=0)
        if depth > DEPTH:
            raise GrammarError(f"This is over {DEPTH} operations deep", token.position)
        self._depths[id(tree)] = depth
        self._nodes.append(tree)
        return tree

    def _ambiguous(self, number: Token, token: Token) -> GrammarError:
        before = self._tokens[self._place - 2].text
        beside = token.written if token.kind == "name" else "(…)"
        return GrammarError(
            f"…{before}{number.written}{beside} can be read in two ways: put a * and parentheses",
            number.position,
        )

    def _missing(self, token: Token) -> GrammarError:
        before = self._tokens[self._place - 1].written
        return GrammarError(f"A sign is missing between {before} and {token.written}", token.position)

    def _no_operand(self, token: Token) -> GrammarError:
        if token.kind == "end":
            return GrammarError("Something is missing at the end", token.position)
        if token.text == ",":
            return GrammarError(
                "A comma stands between arguments only; decimals have a point", token.position
            )
        return GrammarError(f"A number or a name is missing before {token.written!r}", token.position)
