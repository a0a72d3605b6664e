"""Which of the files that were handed in are the notebooks of the assignment, whatever they are called."""

from __future__ import annotations

from autograder.classroom.assignment import Assignment, NotebookSpec
from autograder.classroom.outcome import Problem
from autograder.classroom.parsing import grade_ids
from autograder.classroom.tree import Tree

SUFFIX = ".ipynb"


def name_notebooks(tree: Tree, assignment: Assignment, problems: list[Problem]) -> dict[str, bytes]:
    """Give notebooks their released names, and leave other notebooks out.

    One that is missing is taken from a file with another name if exactly one has its cells, and that file
    has the cells of no other missing one. Two candidates are for a person to choose from.

    Parameters
    ----------
    tree : Tree
        What was read of a submission.
    assignment : Assignment
    problems : list of Problem
        Whatever is to be said is added to it.

    Returns
    -------
    dict of str to bytes
        The files, by path.
    """
    expected = {f"{notebook.name}{SUFFIX}": notebook for notebook in assignment.notebooks}
    others = {
        path: content
        for path, content in tree.files.items()
        if path.lower().endswith(SUFFIX) and path not in expected
    }
    files = {path: content for path, content in tree.files.items() if path not in others}
    refused = {refusal.path for refusal in tree.refusals}
    missing = {
        path: notebook for path, notebook in expected.items() if path not in files and path not in refused
    }
    known = {path: grade_ids(content) for path, content in others.items()} if missing else {}
    fits = {path: [other for other in known if _fits(known[other], spec)] for path, spec in missing.items()}
    for path, spec in missing.items():
        found = fits[path]
        if len(found) == 1 and sum(found[0] in candidates for candidates in fits.values()) == 1:
            files[path] = others.pop(found[0])
            text = f"{found[0]} was graded as {path}: that was not handed in, and its cells are these."
            problems.append(Problem(kind="unknown_notebook", text=text, notebook=spec.name))
        else:
            text = f"{path} was not handed in."
            if found:
                text += f" {', '.join(found)} could each be it: rename the right one."
            problems.append(Problem(kind="missing_notebook", text=text, notebook=spec.name))
    for path in others:
        text = f"{path} is not a notebook of this assignment, and was left out."
        problems.append(Problem(kind="refused_file", text=text))
    return dict(sorted(files.items()))


def _fits(found: frozenset[str], notebook: NotebookSpec) -> bool:
    """Whether a notebook has most of the released cells: some may have been deleted."""
    released = {cell.grade_id for cell in notebook.cells}
    return 2 * len(found & released) > len(released)
