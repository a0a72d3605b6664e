"""A class in a temporary clone: submissions made from the release, graded by the real nbgrader commands."""

from __future__ import annotations

import csv
import html
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder import cases
from autograder.exercises import load
from autograder.notebooks.build import build_release
from course.classroom import register

ROOT = Path(__file__).resolve().parents[2]
LESSON, NOTEBOOK = "01_infonce", "infonce"


@dataclass
class Classroom:
    """A clone of the course, and what its instructor and students do in it."""

    root: Path
    home: Path
    lesson: str = LESSON
    seed: str = "autumn-4711"

    def run(self, *command: str, **environment: str) -> str:
        """Run a command at the root of the clone; fail with its output if it fails."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment() | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def nbgrader(self, *arguments: str, **environment: str) -> str:
        return self.run(sys.executable, "-m", "nbgrader", *arguments, **environment)

    def environment(self) -> dict[str, str]:
        """The user's environment, with a home of its own and the environment's programs on the PATH."""
        ours = ("COURSE_", "NBGRADER", "JUPYTER", "XDG_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return inherited | {"HOME": str(self.home), "PATH": path, "OMP_NUM_THREADS": "1"}

    def answers(self, folder: str = "solutions") -> dict[str, str]:
        """The answers in ``solutions`` or ``notebooks`` as a student would write them, by exercise."""
        graded = _graded(_read(self.root / folder / LESSON))
        return {
            name: re.sub(r"(?m)^.*(BEGIN|END) SOLUTION.*\n?", "", cell.source)
            for name, cell in graded.items()
            if cell.metadata.nbgrader.solution
        }

    def possible(self) -> dict[str, float]:
        """The points of everything that is graded, by exercise."""
        graded = _graded(_read(self.root / "notebooks" / LESSON))
        return {
            name.removeprefix("check-"): cell.metadata.nbgrader.points
            for name, cell in graded.items()
            if cell.metadata.nbgrader.grade
        }

    def submit(self, student: str, answers: dict[str, str], **files: str) -> None:
        """Hand in the release with these answers, and further Python files."""
        folder = self.root / "classroom" / "submitted" / student / LESSON
        folder.mkdir(parents=True)
        notebook = _read(self.root / "notebooks" / LESSON)
        graded = _graded(notebook)
        for name, source in answers.items():
            graded[name].source = source
        nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")

    def exported(self) -> dict[str, float]:
        """The score of every student, from nbgrader's export."""
        self.nbgrader("export")
        with (self.root / "classroom" / "grades.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["assignment"] == LESSON]
        assert all(float(row["max_score"]) == sum(self.possible().values()) for row in rows)
        return {row["student_id"]: float(row["score"]) for row in rows}

    def gradebook(self) -> Gradebook:
        """nbgrader's gradebook, to be used in a ``with`` block."""
        return Gradebook(f"sqlite:///{self.root / 'classroom' / 'gradebook.db'}")

    def points(self, student: str) -> dict[str, float]:
        """The points of every check of a student, from the gradebook, by exercise."""
        with self.gradebook() as gradebook:
            grades = gradebook.find_submission_notebook(NOTEBOOK, LESSON, student).grades
            checks = [grade for grade in grades if grade.name.startswith("check-")]
            return {grade.name.removeprefix("check-"): grade.auto_score for grade in checks}

    def notebook(self, step: str, student: str) -> nbformat.NotebookNode:
        """A student's notebook in ``submitted`` or ``autograded``."""
        return _read(self.root / "classroom" / step / student / LESSON)

    def verdicts(self, student: str) -> dict[str, str]:
        """What the checks printed, by exercise."""
        graded = _graded(self.notebook("autograded", student))
        return {
            name.removeprefix("check-"): "".join(o.get("text", "") for o in cell.outputs)
            for name, cell in graded.items()
            if cell.cell_type == "code" and cell.metadata.nbgrader.grade
        }

    def feedback(self, student: str) -> str:
        """What a student reads in the feedback, without markup."""
        folder = self.root / "classroom" / "feedback" / student / LESSON
        page = (folder / f"{NOTEBOOK}.html").read_text(encoding="utf-8")
        return html.unescape(re.sub(r"<[^>]*>", "", page[page.index("<body") :]))


def fill(folder: Path) -> None:
    """Make a folder a clone of the course, with its lessons in the gradebook."""
    built = shutil.ignore_patterns("*.ipynb", "__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "solutions", folder / "solutions", ignore=built)
    for file in ("nbgrader_config.py", ".gitignore"):
        shutil.copy(ROOT / file, folder / file)
    build_release(folder / "solutions", folder / "notebooks")
    register(folder)


def _read(folder: Path) -> nbformat.NotebookNode:
    return nbformat.read(folder / f"{NOTEBOOK}.ipynb", as_version=4)


def _graded(notebook: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata.nbgrader.grade_id: cell for cell in cells}


@pytest.fixture(scope="session")
def answers() -> ModuleType:
    """The module ``answers.py`` beside this file."""
    spec = importlib.util.spec_from_file_location("answers", Path(__file__).with_name("answers.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def written() -> Callable[[Callable[..., object]], str]:
    """Turn an answer of ``answers.py`` into the cell that a student writes."""

    def cell(answer: Callable[..., object]) -> str:
        exercise = answer.__name__.partition("__")[0]
        return inspect.getsource(answer).replace(f"def {answer.__name__}(", f"def {exercise}(", 1)

    return cell


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Classroom]:
    """Make a clone of the course, with its lessons in the gradebook."""

    def make(name: str) -> Classroom:
        folder = tmp_path_factory.mktemp(name)
        fill(folder)
        return Classroom(folder, tmp_path_factory.mktemp(f"{name}-home"))

    return make


@pytest.fixture(scope="session")
def memorised(answers, written) -> str:
    """A cell with an answer that is right on the inputs that everybody's checks use, and on no others."""
    seen = {round(float(case.inputs["image_features"].sum()), 9) for case in cases(load("infonce.clip_loss"))}
    return f"SEEN = {seen}\n\n\n{written(answers.clip_loss__memorised)}"


@pytest.fixture(scope="session")
def graded(clone, answers, written, memorised) -> Classroom:
    """A class graded with hidden cases: perfect, untouched, an answer of each kind, and one memorised."""
    room = clone("graded")
    right = room.answers()
    room.submit("perfect", right)
    room.submit("untouched", {})
    several = {
        "l2_normalize": written(answers.l2_normalize__helper),
        "similarity_logits": written(answers.similarity_logits__divides),
        "log_softmax_rows": written(answers.log_softmax_rows__softmax_then_log),
        "clip_loss": written(answers.clip_loss__warns),
        "grad_wrt_logits": written(answers.grad_wrt_logits__loops),
        "normalize_grad": answers.UNREADABLE,
        "recall_at_k": written(answers.recall_at_k__optimistic),
        "clip_loss_grad": written(answers.clip_loss_grad__raises),
    }
    room.submit("mixed", right | several, helper=answers.HELPER)
    room.submit("memorised", right | {"clip_loss": memorised})
    room.nbgrader("autograde", LESSON, COURSE_SEED=room.seed)
    room.nbgrader("generate_feedback", LESSON)
    return room
