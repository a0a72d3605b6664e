"""The small language of formulas that cards are written in and learners type.

``2 log(N) / tau``, ``|x|^2``, ``sum(exp(x)) / 8``: numbers, names, ``+ - * / ^``, and the functions of
`FUNCTIONS`, of numbers and of vectors. Everything is computed in floats; nothing is ever handed to Python's
own ``eval``. Length, depth and time are bounded.
"""

from drills.grammar.comparing import same
from drills.grammar.errors import EvaluationError, FormulaError, GrammarError, OutOfReach
from drills.grammar.evaluation import CONSTANTS, Value, evaluate
from drills.grammar.functions import FUNCTIONS
from drills.grammar.parser import parse
from drills.grammar.printing import show
from drills.grammar.tree import Binary, Call, Name, Negative, Number, Tree, names

__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "Binary",
    "Call",
    "EvaluationError",
    "FormulaError",
    "GrammarError",
    "Name",
    "Negative",
    "Number",
    "OutOfReach",
    "Tree",
    "Value",
    "evaluate",
    "names",
    "parse",
    "same",
    "show",
]
