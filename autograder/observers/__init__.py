"""How an answer is run. Numpy, torch and the standard library only: no references live here."""

from autograder.observers.function import FunctionObserver
from autograder.observers.learner_test import LearnerTestObserver
from autograder.observers.observe import Observer, from_json, observe, to_json, trusting
from autograder.observers.state import StateObserver

__all__ = [
    "FunctionObserver",
    "LearnerTestObserver",
    "Observer",
    "StateObserver",
    "from_json",
    "observe",
    "to_json",
    "trusting",
]
