r"""Mathematics in a card's sentences: read as MathJax would, and shown in a terminal as Unicode.

pylatexenc was weighed: its text of a formula keeps neither fractions nor scripts together
(``\frac{a+b}{c+d}`` becomes ``a+b/c+d``), so what is here is our own.
"""

from drills.maths.parser import TexError, parse
from drills.maths.sentences import readable
from drills.maths.writing import unicode

__all__ = ["TexError", "parse", "readable", "unicode"]
