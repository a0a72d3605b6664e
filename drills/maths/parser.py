"""Reading the TeX of a card; what MathJax would not set is an error."""

from __future__ import annotations

from collections.abc import Callable

from drills.maths import commands
from drills.maths.tokens import NAMED, kind, tokens
from drills.maths.tree import Accented, Fraction, Grid, Kind, Lettered, Node, Root, Row, Scripted, Sign

DEPTH = 30


class TexError(ValueError):
    """TeX that MathJax does not set, or that a terminal cannot show; the message is a sentence."""


def parse(tex: str) -> Row:
    r"""Read what stands between dollars.

    Raises
    ------
    TexError
        If a command is none of `commands.COMMANDS`, a brace or a ``\left`` is not closed, an argument is
        missing, or something has two subscripts.
    """
    reader = _Reader(tokens(tex))
    row = reader.row(())
    if reader.peek:
        raise TexError(f"nothing opens before {reader.peek}")
    return row


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    @property
    def peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek
        self._place += 1
        return token

    def _blank(self) -> None:
        while self.peek.isspace():
            self._place += 1

    def row(self, until: tuple[str, ...]) -> Row:
        """Everything up to one of some tokens, which stays."""
        parts: list[Node] = []
        while True:
            self._blank()
            token = self.peek
            if not token or token in until or token in ("}", "&", "\\\\", "\\end", "\\right"):
                break
            if token in ("^", "_"):
                parts.append(self._scripted(parts.pop() if parts else Row(())))
            elif token == "'":
                self.take()
                parts.append(Sign("′", "ordinary"))
            elif token[1:] in commands.STYLES and token[0] == "\\":
                self.take()
            else:
                parts.append(self._one())
        return Row(tuple(parts))

    def _scripted(self, base: Node) -> Node:
        found: dict[str, Node] = {}
        while self.peek in ("^", "_"):
            which = self.take()
            if which in found:
                raise TexError(
                    f"two {'superscripts' if which == '^' else 'subscripts'} on one thing: group them"
                )
            self._blank()
            if len(self.peek) > 1 and self.peek[0].isdigit():
                raise TexError(f"{which} sets the {self.peek[0]} of {self.peek} alone: put braces around it")
            found[which] = self._argument(f"what {which} sets")
            self._blank()
        return Scripted(base, found.get("_"), found.get("^"))

    def _argument(self, what: str) -> Node:
        self._blank()
        if self.peek in ("", "}", "&", "^", "_", "\\\\", "\\end", "\\right"):
            raise TexError(f"{what} is missing")
        if len(self.peek) > 1 and self.peek[0].isdigit():
            # An argument without braces is one digit: \frac12 is a half.
            digit, self._tokens[self._place] = self.peek[0], self.peek[1:]
            return Sign(digit, "number")
        return self._one()

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH:
            raise TexError(f"it nests over {DEPTH} deep")
        one = self._thing(self.take())
        self._depth -= 1
        return one

    def _thing(self, token: str) -> Node:
        if token == "{":
            inside = self.row(("}",))
            self._expect("}", "{")
            return inside
        if token in NAMED:
            return NAMED[token]
        if token[0] == "\\" and len(token) > 1:
            return self._command(token[1:])
        if token[0].isdigit():
            return Sign(token.replace("{,}", ","), "number")
        if token in ("#", "%", "$", "\\"):
            raise TexError(f"a plain {token} is written \\{token}")
        return Sign(" ", "space") if token == "~" else Sign(token, kind(token))

    def _command(self, name: str) -> Node:
        if name in _HOW:
            return _HOW[name](self, name)
        raise TexError(f"\\{name} is not among the commands that cards use")

    def _fraction(self, name: str) -> Node:
        top = self._argument(f"the first argument of \\{name}")
        bottom = self._argument(f"the second argument of \\{name}")
        return Fraction(top, bottom, line=name in commands.FRACTIONS)

    def _root(self, name: str) -> Node:
        self._blank()
        order = None
        if self.peek == "[":
            self.take()
            order = self.row(("]",))
            self._expect("]", "[")
        return Root(self._argument("what \\sqrt is taken of"), order)

    def _accented(self, name: str) -> Node:
        return Accented(commands.ACCENTS[name], self._argument(f"what stands under \\{name}"))

    def _lettered(self, name: str) -> Node:
        return Lettered(name, self._argument(f"the argument of \\{name}"))

    def _words(self, name: str) -> Node:
        self._blank()
        if self.peek == "*" and name == "operatorname":
            self.take()
        if self.take() != "{":
            raise TexError(f"\\{name} needs braces")
        words = ""
        while self.peek != "}":
            token = self.take()
            if not token or token in ("{", "$"):
                raise TexError(f"\\{name} is not closed, or holds more than words")
            sign = NAMED.get(token)
            if token[0] == "\\" and (sign is None or (name.startswith("text") and token[1:].isalpha())):
                raise TexError(f"\\{name} holds {token}; it is for words")
            words += sign.text if sign else token
        self.take()
        return Sign(words, "large" if name == "operatorname" else "words")

    def _sized(self, name: str) -> Node:
        self._blank()
        return self._delimiter(name, "fence")

    def _delimiter(self, name: str, side: Kind) -> Sign:
        self._blank()
        token = self.take()
        if token == ".":
            return Sign("", side)
        sign = NAMED.get(token, Sign(token, kind(token)))
        if token not in ("/", "<", ">") and sign.kind not in ("open", "close", "fence"):
            raise TexError(f"\\{name} needs a delimiter, not {token or 'the end'}")
        if name[-1] in "lr" and len(name) < 6 and name not in ("left",):
            side = "open" if name[-1] == "l" else "close"
        return Sign(sign.text, side if sign.kind == "fence" else sign.kind)

    def _between(self, name: str) -> Node:
        opened = self._delimiter(name, "open")
        inside = self.row(())
        if self.take() != "\\right":
            raise TexError("a \\left has no \\right")
        return Row((opened, *inside.parts, self._delimiter("right", "close")))

    def _middle(self, name: str) -> Node:
        return self._delimiter(name, "fence")

    def _modulo(self, name: str) -> Node:
        inside = self._argument("the argument of \\pmod")
        return Row((Sign("(", "open"), Sign("mod", "large"), inside, Sign(")", "close")))

    def _plain(self, name: str) -> Node:
        return self._argument(f"the argument of \\{name}")

    def _grid(self, name: str) -> Node:
        environment = self._name("begin")
        if environment not in commands.ENVIRONMENTS:
            raise TexError(f"the environment {environment} is not among those that cards use")
        rows: list[tuple[Node, ...]] = []
        cells: list[Node] = []
        while True:
            cells.append(self.row(()))
            token = self.take()
            if token == "&":
                continue
            rows.append(tuple(cells))
            cells = []
            if token == "\\end":
                if (closed := self._name("end")) != environment:
                    raise TexError(f"\\begin{{{environment}}} ends with \\end{{{closed}}}")
                return Grid(environment, tuple(row for row in rows if row != (Row(()),)))
            if token != "\\\\":
                raise TexError(f"\\begin{{{environment}}} has no end")

    def _name(self, what: str) -> str:
        if self.take() != "{":
            raise TexError(f"\\{what} needs braces")
        name = ""
        while self.peek not in ("", "}"):
            name += self.take()
        self._expect("}", "{")
        return name

    def _expect(self, closing: str, opening: str) -> None:
        if self.take() != closing:
            raise TexError(f"a {opening} is not closed")


#: How the arguments of a command are read.
_HOW: dict[str, Callable[[_Reader, str], Node]] = {
    **dict.fromkeys(commands.FRACTIONS | commands.BINOMIALS, _Reader._fraction),
    **dict.fromkeys(commands.ACCENTS, _Reader._accented),
    **dict.fromkeys(commands.ALPHABETS, _Reader._lettered),
    **dict.fromkeys(commands.WORDS, _Reader._words),
    **dict.fromkeys(commands.SIZES, _Reader._sized),
    **dict.fromkeys(commands.BRACES, _Reader._plain),
    "sqrt": _Reader._root,
    "left": _Reader._between,
    "middle": _Reader._middle,
    "pmod": _Reader._modulo,
    "boxed": _Reader._plain,
    "begin": _Reader._grid,
}
