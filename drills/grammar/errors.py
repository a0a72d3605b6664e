"""What can be wrong with a formula; each message is a sentence for whoever typed it."""

from __future__ import annotations


class FormulaError(ValueError):
    """A formula that cannot be read or computed."""


class GrammarError(FormulaError):
    """A text that is no formula.

    Parameters
    ----------
    sentence : str
        What is wrong.
    position : int
        Of the character at which it is, from 1.
    """

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(f"{sentence} (at character {position})")
        self.sentence = sentence
        self.position = position


class EvaluationError(FormulaError):
    """A formula that has no value: a name is unknown, lengths differ, a logarithm of a negative number."""


class OutOfReach(EvaluationError):
    """A value that floats cannot hold, or a division by zero.

    What the formula says may be true all the same: ``log(exp(1000))`` is 1000.
    """
