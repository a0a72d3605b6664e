"""What can be wrong with an exercise before anything is run: missing, repeated or telltale texts."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from types import FunctionType

from autograder.exercise import Exercise
from autograder.misconception import Function
from autograder.observation import GRADIENT, ROOM
from autograder.observers import FunctionObserver

STYLES = 2  # different right answers, beside the reference, that must be accepted
HINTS = 3
TELLTALE = 20  # characters of code, without spaces, from which on a line gives something away


def declared(exercise: Exercise) -> Iterator[str]:
    """Faults in what an exercise says of itself."""
    yield from _missing(exercise)
    yield from _points(exercise)
    yield from _repeated(exercise)
    yield from _styles(exercise)
    yield from _twins(exercise)
    yield from _watched(exercise)
    yield from _hints(exercise)
    observer = exercise.runner
    for name in observer.outputs if isinstance(observer, FunctionObserver) else ():
        if name.startswith(GRADIENT) or name == ROOM:
            yield f"the output {name!r} would be taken for something that we observe"


def solution_lines(exercise: Exercise) -> set[str]:
    """The code of the reference, of what it calls beside validation, and of the other right answers."""
    functions = _called_by(exercise.reference) | set(exercise.correct.values())
    lines = {
        squeezed(line.strip().removeprefix("return "))
        for function in functions
        if (tree := _tree(function)) is not None
        for line in ast.unparse(tree.body).splitlines()  # type: ignore[arg-type]  # it takes lists as well
    }
    return {line for line in lines if len(line) > TELLTALE}


def squeezed(text: str) -> str:
    """A text without white space."""
    return "".join(text.split())


def _missing(exercise: Exercise) -> Iterator[str]:
    for name in ("title", "minutes", "skills", "follow_up", "cases", "groups", "misconceptions"):
        if not getattr(exercise, name):
            yield f"{name} is missing"
    for mistake in exercise.misconceptions.values():
        for name in ("title", "says", "asks"):
            if not getattr(mistake, name):
                yield f"{name} is missing in the misconception {mistake.name}"


def _points(exercise: Exercise) -> Iterator[str]:
    needed = {name for group in exercise.grouped.values() for name in group.needs}
    for name, group in exercise.grouped.items():
        if group.points < 0 or (group.points == 0 and name not in needed):
            yield f"the group {name} is worth {group.points:g} points, and no other group needs it"
    for name in needed - set(exercise.grouped):
        yield f"the group {name} is needed but does not exist"
    for case in exercise.cases:
        if case.group is not None and case.group not in exercise.grouped:
            yield f"the group {case.group} of the case {case.name} does not exist"


def _repeated(exercise: Exercise) -> Iterator[str]:
    mistakes = exercise.misconceptions.values()
    texts = {
        "case name": [case.name for case in exercise.cases],
        "title of a misconception": [mistake.title for mistake in mistakes],
        "says": [mistake.says for mistake in mistakes],
        "asks": [mistake.asks for mistake in mistakes],
        "hint": exercise.hints,
    }
    for what, said in texts.items():
        for text, times in Counter(said).items():
            if times > 1:
                yield f"{what} “{text}” occurs {times} times"


def _styles(exercise: Exercise) -> Iterator[str]:
    if len(exercise.correct) < STYLES:
        yield f"{len(exercise.correct)} further correct answers are declared; there should be {STYLES}"
    answers = {"the reference": exercise.reference} | exercise.correct
    forms: dict[str, str] = {}
    for style, answer in answers.items():
        form = _form(answer)
        if form and form in forms:
            yield f"the correct answer “{style}” is the same as “{forms[form]}”"
        forms[form] = style


def _twins(exercise: Exercise) -> Iterator[str]:
    for mistake in exercise.misconceptions.values():
        if not mistake.same_as:
            continue
        twin = exercise.misconceptions.get(mistake.twin)
        if twin is None:
            yield f"{mistake.name} is the same as {mistake.twin!r}, which does not exist"
        elif twin.same_as:
            yield f"{mistake.name} is the same as {twin.name}, which is itself the same as another one"
        if not mistake.same_as.partition(":")[2].strip():
            yield f"{mistake.name} should say why it is the same as {mistake.twin}"


def _watched(exercise: Exercise) -> Iterator[str]:
    for name in exercise.write_yourself:
        module, colon, function = name.partition(":")
        if not colon:
            continue  # a built-in function has no module to look in
        try:
            attrgetter(function)(importlib.import_module(module))
        except (ImportError, AttributeError):
            yield f"write_yourself names {name}, which does not exist"


def _hints(exercise: Exercise) -> Iterator[str]:
    if len([hint for hint in exercise.hints if hint.strip()]) != HINTS:
        yield f"{len(exercise.hints)} hints are declared; there should be {HINTS}"
    for number, hint in enumerate(exercise.hints[: HINTS - 1], start=1):
        for line in solution_lines(exercise):
            if line in squeezed(hint):
                yield f"hint {number} gives away a line of the solution: {line}"


def _called_by(function: Function) -> set[Function]:
    """A function and those of its package that it calls, but for validation."""
    found: set[Function] = set()
    waiting: list[Function] = [function]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        methods = vars(one).values() if inspect.isclass(one) else [one]
        for code in (member.__code__ for member in methods if isinstance(member, FunctionType)):
            scope = vars(inspect.getmodule(one) or object)
            waiting += [scope[name] for name in code.co_names if _ours(scope.get(name), one)]
    return found


def _ours(value: object, caller: Function) -> bool:
    package = caller.__module__.partition(".")[0]
    return (
        isinstance(value, FunctionType)
        and value.__module__.partition(".")[0] == package
        and "check" not in value.__name__
    )


def _tree(function: Function) -> ast.FunctionDef | ast.ClassDef | None:
    """The source of a function or class without its docstring; None if it has none of its own."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, ValueError, SyntaxError):
        return None
    if not isinstance(tree, ast.FunctionDef | ast.ClassDef):
        return None
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:]
    return tree


def _form(function: Function) -> str:
    """The shape of a function's code, whatever its variables are called."""
    tree = _tree(function)
    if tree is None:
        return ""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.setdefault(node.id, str(len(names)))
    return ast.unparse(tree.body)  # type: ignore[arg-type]  # it takes lists as well
