"""An attack as an object: how its submission is made, what it may earn, what has to be said about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import nbformat
from nbformat import NotebookNode

from autograder.classroom.outcome import Outcome, ProblemKind

if TYPE_CHECKING:
    from .watch import Watch

LESSON, NOTEBOOK = "01_infonce", "infonce"
#: The exercises of lesson 01 that come before `clip_loss`, where most attacks strike.
BEFORE = frozenset({"l2_normalize", "similarity_logits", "log_softmax_rows"})
#: For `Attack.keeps`: every exercise that the attack does not name in `earns`.
ALL = frozenset({"*"})

#: Answers of the right shape and type that earn nothing.
ZEROS = {
    "l2_normalize": "def l2_normalize(x, eps=1e-12):\n    return x * 0",
    "similarity_logits": "def similarity_logits(image_embeddings, text_embeddings, logit_scale):\n"
    "    return image_embeddings @ text_embeddings.T * 0",
    "log_softmax_rows": "def log_softmax_rows(logits):\n    return logits * 0",
    "clip_loss": "def clip_loss(image_features, text_features, logit_scale):\n"
    "    return (image_features * text_features).sum() * logit_scale * 0",
    "grad_wrt_logits": "def grad_wrt_logits(logits):\n    return logits * 0",
    "normalize_grad": "def normalize_grad(x, grad_unit):\n    return x * 0",
    "clip_loss_grad": "def clip_loss_grad(image_features, text_features, logit_scale):\n"
    "    return image_features * 0, text_features * 0, logit_scale * 0",
    "test_clip_loss": "def test_clip_loss(implementation):\n    pass",
    "accumulated_loss": "def accumulated_loss(image_features, text_features, logit_scale, micro_batch_size):\n"
    "    return (image_features * text_features).sum() * logit_scale * 0",
    "recall_at_k": "def recall_at_k(similarity, k):\n    return similarity.sum() * 0",
    "loss_from_embeddings": "def loss_from_embeddings(image_embeddings, text_embeddings, log_scale):\n"
    "    return (image_embeddings * text_embeddings).sum() * log_scale * 0",
}


@dataclass(frozen=True)
class Setting:
    """What attacks aim at, all of it on this machine and made for the run.

    Parameters
    ----------
    root : Path
        The clone of the course, with the class in it.
    canary : Path
        A file outside the clone that everybody could write to.
    port : int
        Where somebody listens on 127.0.0.1, TCP and UDP.
    pid : int
        A process beside, to be signalled and traced.
    prefix : str
        How the class's secret begins; the rest of it is what attacks look for.
    victim : str
        Another student, whose scores and submission are aimed at.
    uid : int
        The account that stock nbgrader runs in: the only one in which an attack signals everybody.
    """

    root: Path
    canary: Path
    port: int
    pid: int
    prefix: str
    victim: str
    uid: int = -1

    def fill(self, source: str) -> str:
        """Put the values for ``@root@`` and the like into a cell's source."""
        values = vars(self) | {
            "classroom": self.root / "classroom",
            "gradebook": self.root / "classroom" / "gradebook.db",
        }
        return re.sub(r"@([a-z]+)@", lambda found: str(values[found[1]]), source)


@dataclass
class Draft:
    """A student's folder while an attack is written into it."""

    folder: Path
    setting: Setting
    notebook: NotebookNode
    answers: Mapping[str, str]
    raw: bool = False

    def cell(self, name: str) -> NotebookNode:
        """The cell with this grade id."""
        return self.notebook.cells[self.position(name)]

    def position(self, name: str) -> int:
        """Where the cell with this grade id stands."""
        marks = [cell["metadata"].get("nbgrader") for cell in self.notebook.cells]
        return [mark.get("grade_id") if isinstance(mark, dict) else None for mark in marks].index(name)

    def save(self) -> None:
        """Write the notebook, unless the attack wrote one itself. Not validated: it may be a wreck."""
        if not self.raw:
            (self.folder / f"{NOTEBOOK}.ipynb").write_text(json.dumps(self.notebook, indent=1))


Step = Callable[[Draft], None]


@dataclass
class Ran:
    """What came of an attack.

    Parameters
    ----------
    earned : dict of str to float, or None
        What the program gave, by exercise; None if the gradebook has no scores of the student.
    outcome : Outcome or None
        What the ledger of `course grade` says; stock nbgrader has none.
    secret : str
        The class's secret.
    watch : Watch
        Who noted what happened outside meanwhile.
    """

    attack: Attack
    student: str
    setting: Setting
    earned: dict[str, float] | None
    outcome: Outcome | None
    secret: str
    watch: Watch

    @cached_property
    def artefacts(self) -> dict[str, bytes]:
        """Everything that a grader wrote about this student, by path."""
        classroom = self.setting.root / "classroom"
        found = {}
        for step in ("autograded", "feedback"):
            for path in sorted((classroom / step / self.student).rglob("*")):
                if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 30:
                    found[str(path.relative_to(classroom))] = path.read_bytes()
        if self.outcome is not None:
            found["ledger"] = self.outcome.model_dump_json().encode()
        return found


#: A sentence about what went wrong, or None.
Check = Callable[[Ran], str | None]


@dataclass(frozen=True)
class Attack:
    """One hostile submission.

    Parameters
    ----------
    name, theme, tries : str
        Its name, its group, and what it tries, in a few words.
    steps : tuple of Step
        How it is made from the released notebook.
    base : {"right", "stubs", "zeros"}
        Whether the notebook starts with right answers, with nothing written, or with zeros of the right shape:
        then every point is a gain.
    earns : mapping of str to float
        The most that exercises may have where that is not what `base` gives.
    keeps : frozenset of str
        Exercises that must keep all their points; `ALL` but those in `earns`.
    says : frozenset of ProblemKind, or None
        One of these has to be reported; none at all if empty (notes aside); None makes no demand.
    harmless_to_stock : bool
        Whether it may meet stock nbgrader without limits around the process.
    not_for_stock : str
        Why stock nbgrader does not get it even inside limits; empty if it does.
    checks : tuple of Check
        What must hold afterwards besides.
    student : str or None
        The name of the student's folder, where that is the attack.
    alone : bool
        Whether stock nbgrader meets it in a class of its own: it changes what all of a class share.
    """

    name: str
    theme: str
    tries: str
    steps: tuple[Step, ...]
    base: Literal["right", "stubs", "zeros"] = "right"
    earns: Mapping[str, float] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    says: frozenset[ProblemKind] | None = frozenset()
    harmless_to_stock: bool = True
    not_for_stock: str = ""
    checks: tuple[Check, ...] = ()
    student: str | None = None
    alone: bool = False

    def most(self, possible: Mapping[str, float]) -> dict[str, float]:
        """The most that each exercise may have; what a person grades has nothing."""
        right = self.base == "right"
        given = {name: points if right else 0.0 for name, points in possible.items()}
        return given | {name: 0.0 for name in given if name.startswith("explain")} | dict(self.earns)

    def least(self, possible: Mapping[str, float]) -> dict[str, float]:
        """What must not be lost."""
        most = self.most(possible)
        kept = most.keys() - self.earns.keys() if self.keeps == ALL else self.keeps
        return {name: most[name] for name in kept}

    def make(self, student: str, setting: Setting, answers: Mapping[str, str]) -> Path:
        """Hand it in, in a class's folder of submissions; return the folder."""
        folder = setting.root / "classroom" / "submitted" / student / LESSON
        folder.mkdir(parents=True)
        released = setting.root / "notebooks" / LESSON / f"{NOTEBOOK}.ipynb"
        draft = Draft(folder, setting, nbformat.read(released, as_version=4), answers)
        for name, source in {"right": answers, "zeros": ZEROS}.get(self.base, {}).items():
            draft.cell(name).source = source
        for step in self.steps:
            step(draft)
        draft.save()
        return folder
