"""Cells deleted, duplicated, edited, reordered; ids, points and kinds changed."""

from __future__ import annotations

import copy
from typing import Any

from nbformat.v4 import new_code_cell, new_output

from .attack import ALL, Attack, Draft
from .making import answer, edit, insert, rework

THEME = "cells"
CHECK = "check-clip_loss"
WRONG = """
def clip_loss(image_features, text_features, logit_scale):
    return (image_features * text_features).sum() * logit_scale * 0
"""
RIGHT = """
def clip_loss(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    images = torch.nn.functional.cross_entropy(logits, labels)
    return (images + torch.nn.functional.cross_entropy(logits.T, labels)) / 2
"""
RESTORED = frozenset({"restored_cell"})
CHANGED = frozenset({"edited_cell", "restored_cell", "foreign_cell", "duplicate_cell"})


def _drop(*names: str) -> Any:
    def change(draft: Draft) -> None:
        for name in names:
            del draft.notebook.cells[draft.position(name)]

    return rework(change)


def _checks(draft: Draft) -> list[Any]:
    return [
        c
        for c in draft.notebook.cells
        if c.metadata.get("nbgrader", {}).get("grade_id", "").startswith("check-")
    ]


def _each_check(change: Any) -> Any:
    return rework(lambda draft: [change(cell) for cell in _checks(draft)])


def _nbgrader(**changes: Any) -> Any:
    return lambda cell: cell.metadata["nbgrader"].update(changes)


def _copy(name: str, source: str | None = None, **changes: Any) -> Any:
    def change(draft: Draft) -> None:
        twin = copy.deepcopy(draft.cell(name))
        twin.metadata["nbgrader"].update(changes)
        twin.source = twin.source if source is None else source.strip()
        draft.notebook.cells.insert(draft.position(name) + 1, twin)

    return rework(change)


def _swap_ids(draft: Draft) -> None:
    one, other = draft.cell(CHECK), draft.cell("check-recall_at_k")
    ids = one.metadata["nbgrader"]["grade_id"], other.metadata["nbgrader"]["grade_id"]
    other.metadata["nbgrader"]["grade_id"], one.metadata["nbgrader"]["grade_id"] = ids


def _checks_first(draft: Draft) -> None:
    checks = _checks(draft)
    others = [cell for cell in draft.notebook.cells if cell not in checks]
    draft.notebook.cells = others[:2] + checks + others[2:]


def _backwards(draft: Draft) -> None:
    draft.notebook.cells = draft.notebook.cells[:2] + draft.notebook.cells[:1:-1]


def _merged(draft: Draft) -> None:
    code = [cell.source for cell in draft.notebook.cells if cell.cell_type == "code"]
    draft.notebook.cells = [new_code_cell("\n\n".join(code))]


def _prefilled(cell: Any) -> None:
    points = str(float(cell.metadata["nbgrader"]["points"]))
    cell.execution_count = 1
    cell.outputs = [new_output("execute_result", {"text/plain": points}, execution_count=1)]


def _skipped(cell: Any) -> None:
    _prefilled(cell)
    cell.metadata["tags"] = ["experiment"]


def _as_markdown(cell: Any) -> None:
    cell.cell_type = "markdown"
    del cell["outputs"], cell["execution_count"]


attacks = [
    Attack("deleted_check", THEME, "one check deleted", (_drop(CHECK),), keeps=ALL, says=RESTORED),
    Attack(
        "deleted_answer_and_check",
        THEME,
        "an exercise deleted, answer and check",
        (_drop(CHECK, "clip_loss"),),
        earns={"clip_loss": 0.0},
        keeps=ALL,
        says=RESTORED,
    ),
    Attack(
        "deleted_everything",
        THEME,
        "a notebook without cells",
        (rework(lambda draft: draft.notebook.cells.clear()),),
        base="stubs",
        says=RESTORED,
    ),
    Attack("all_in_one_cell", THEME, "all code in one cell, all ids gone", (rework(_merged),), says=RESTORED),
    Attack("duplicated_check", THEME, "a check twice", (_copy(CHECK),), keeps=ALL, says=frozenset({"duplicate_cell"})),
    Attack(
        "duplicated_check_with_points",
        THEME,
        "a check once more, worth 100 points, that returns them",
        (_copy(CHECK, "100.0", points=100.0),),
        says=frozenset({"duplicate_cell"}),
    ),
    Attack(
        "duplicated_answer",
        THEME,
        "an answer twice, the second one wrong",
        (_copy("clip_loss", WRONG),),
        says=frozenset({"duplicate_cell"}),
    ),
    Attack(
        "thousand_duplicates",
        THEME,
        "a check a thousand times",
        (rework(lambda draft: draft.notebook.cells.extend([draft.cell(CHECK)] * 1000)),),
        says=frozenset({"duplicate_cell"}),
    ),
    Attack(
        "edited_checks",
        THEME,
        "every check replaced by the points that it is worth",
        (_each_check(lambda cell: cell.update(source=str(cell.metadata["nbgrader"]["points"]))),),
        base="stubs",
        says=CHANGED,
    ),
    Attack(
        "unlocked_checks",
        THEME,
        "checks replaced, and marked as the student's own cells",
        (
            _each_check(lambda cell: cell.update(source=str(cell.metadata["nbgrader"]["points"]))),
            _each_check(_nbgrader(locked=False, solution=True)),
        ),
        base="stubs",
        says=CHANGED,
    ),
    Attack(
        "checks_without_marks",
        THEME,
        "nbgrader's marks taken from all checks",
        (_each_check(lambda cell: cell.metadata.pop("nbgrader")),),
        keeps=ALL,
        says=CHANGED,
    ),
    Attack("checks_as_markdown", THEME, "checks turned into Markdown cells", (_each_check(_as_markdown),), base="stubs", says=None),
    Attack("checks_as_raw", THEME, "checks turned into raw cells", (_each_check(lambda cell: (_as_markdown(cell), cell.update(cell_type="raw"))),), base="stubs", says=None),
    Attack(
        "checks_skipped",
        THEME,
        "checks tagged to be skipped, with outputs that say full points",
        (_each_check(_skipped),),
        base="stubs",
        says=None,
    ),
    Attack("prefilled_outputs", THEME, "outputs of checks written into the file", (_each_check(_prefilled),), base="stubs", says=None),
    Attack("edited_points", THEME, "every check worth 1,000 points", (_each_check(_nbgrader(points=1000.0)),), keeps=ALL, says=None),
    Attack("negative_points", THEME, "points of checks negative, infinite, text", (_each_check(_nbgrader(points=-1e308)), edit(_nbgrader(points="many"), CHECK)), says=None),
    Attack(
        "renamed_checks",
        THEME,
        "new ids for the checks",
        (rework(lambda draft: [_nbgrader(grade_id=f"mine-{i}")(c) for i, c in enumerate(_checks(draft))]),),
        keeps=ALL,
        says=CHANGED,
    ),
    Attack(
        "swapped_ids",
        THEME,
        "the ids of two checks exchanged, one of the two answers wrong",
        (answer("clip_loss", WRONG), rework(_swap_ids)),
        earns={"clip_loss": 0.0},
        says=None,
    ),
    Attack(
        "ids_of_all_kinds",
        THEME,
        "ids that are no text, that climb, that are far too long",
        (
            edit(_nbgrader(grade_id=["a"]), "check-l2_normalize"),
            edit(_nbgrader(grade_id={"a": 1}), "check-similarity_logits"),
            edit(_nbgrader(grade_id="../../../../tmp/x"), "check-log_softmax_rows"),
            edit(_nbgrader(grade_id="x" * 1_000_000), "check-grad_wrt_logits"),
            edit(_nbgrader(grade_id=None), "check-recall_at_k"),
        ),
        says=None,
    ),
    Attack("marks_of_all_kinds", THEME, "nbgrader's marks as text, a list, a number", (rework(lambda draft: [draft.cell("check-recall_at_k").metadata.update(nbgrader="yes"), draft.cell("check-l2_normalize").metadata.update(nbgrader=[1]), draft.cell("check-clip_loss").update(metadata={"nbgrader": 7})]),), says=None),
    Attack("schema_from_the_future", THEME, "marks with schema version 99", (_each_check(_nbgrader(schema_version=99)),), says=None),
    Attack("schema_of_old", THEME, "marks with schema version 0 and unknown fields", (_each_check(_nbgrader(schema_version=0, weight=5)),), says=None),
    Attack(
        "cells_of_its_own",
        THEME,
        "graded cells of its own, 100 points each, which return them",
        (
            rework(
                lambda draft: draft.notebook.cells.extend(
                    new_code_cell(
                        "100.0",
                        metadata={"nbgrader": {"grade": True, "solution": False, "locked": False, "task": False, "grade_id": f"bonus-{i}", "points": 100.0, "schema_version": 3, "cell_type": "code"}},
                    )
                    for i in range(3)
                )
            ),
        ),
        base="stubs",
        says=frozenset({"foreign_cell"}),
    ),
    Attack(
        "explanation_as_code",
        THEME,
        "a cell that a person grades turned into code that earns its points",
        (
            rework(
                lambda draft: draft.cell("explain_ceiling").update(
                    cell_type="code", source="2.0", outputs=[], execution_count=None
                )
            ),
            edit(_nbgrader(solution=False, cell_type="code"), "explain_ceiling"),
        ),
        base="stubs",
        says=None,
    ),
    Attack("checks_first", THEME, "all checks moved before the answers", (rework(_checks_first),), says=frozenset({"moved_cell"})),
    Attack("backwards", THEME, "all cells in reverse order", (rework(_backwards),), says=frozenset({"moved_cell"})),
    Attack(
        "right_only_later",
        THEME,
        "a wrong answer at its check, and the right one after it",
        (answer("clip_loss", WRONG), insert(RIGHT, before="end")),
        earns={"clip_loss": 0.0},
        keeps=ALL,
    ),
    Attack(
        "answer_in_another_cell",
        THEME,
        "a right answer somewhere above its place, its own cell left as it was",
        (insert(RIGHT), answer("clip_loss", "pass")),
        keeps=ALL,
        says=None,
    ),
    Attack("answer_deleted_before_its_check", THEME, "del clip_loss before its check", (insert("del clip_loss", before=CHECK),), earns={"clip_loss": 0.0}, keeps=ALL),
    Attack("answer_is_no_function", THEME, "a number, a class, None instead of answers", (insert("clip_loss, recall_at_k, l2_normalize = 3.0, None, type", before="check-clip_loss"),), earns={"clip_loss": 0.0}, says=None),
    Attack("repeated_cell_ids", THEME, "one id for all cells", (rework(lambda draft: [cell.update(id="same") for cell in draft.notebook.cells]),), keeps=ALL, says=None),
    Attack("no_such_kernel", THEME, "a kernel that nobody has", (rework(lambda draft: draft.notebook.metadata.update(kernelspec={"name": "../../evil", "display_name": "x", "language": "R"})),), says=None),
]  # fmt: skip
