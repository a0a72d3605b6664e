"""What students get, installed as students install it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.exercises import exercises, load
from autograder.exercises.registry import index
from course.errors import CourseError
from course.pack import _look_for_answers, pack_students
from drills.deck import load as load_deck

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
RIGHT = """def clip_loss(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    return (logits.logsumexp(0) / 2 + logits.logsumexp(1) / 2 - logits.diagonal()).mean()"""
WRONG = """def similarity_logits(image_embeddings, text_embeddings, logit_scale):
    return logit_scale * image_embeddings @ text_embeddings.T"""
TEST = """def test_clip_loss(implementation):
    pass"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    """The archive, unpacked, with the wheel unpacked beside it."""
    folder = tmp_path_factory.mktemp("packed")
    archive = pack_students(ROOT, folder)
    zipfile.ZipFile(archive).extractall(folder)
    (wheel,) = (folder / "clip-to-int8").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "wheel")
    return folder


@pytest.fixture(scope="module")
def python(packed, tmp_path_factory) -> Path:
    """A fresh environment with the students' wheel, before this one's libraries on the path."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / "bin" / "python"
    (wheel,) = (packed / "clip-to-int8").glob("*.whl")
    # This environment has the course itself; in a prefix of its own, the students' comes first.
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
    ]
    subprocess.run([*command, "--prefix", str(home), str(wheel)], check=True, capture_output=True)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return python


def environment(home: Path) -> dict[str, str]:
    ours = ("COURSE_", "PYTHONPATH", "JUPYTER", "XDG_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return inherited | {"HOME": str(home), "COURSE_PROGRESS": "off", "OMP_NUM_THREADS": "1"}


def texts(packed: Path) -> dict[str, str]:
    """Everything in the archive and in the wheel that is text."""
    found = {}
    for path in sorted(packed.rglob("*")):
        if path.is_file() and path.suffix in (".py", ".ipynb", ".json", ".md", ".txt", ".toml", ".yaml"):
            found[path.relative_to(packed).as_posix()] = path.read_text(encoding="utf-8")
    return found


def test_there_are_notebooks_a_wheel_and_how_to_begin(packed):
    inside = packed / "clip-to-int8"
    assert {path.name for path in inside.iterdir() if path.suffix != ".whl"} == {
        *("README.md", "constraints.txt", "notebooks"),
    }
    released = {
        path.relative_to(ROOT) for path in (ROOT / "notebooks").rglob("*.ipynb") if "/." not in str(path)
    }
    assert {path.relative_to(inside) for path in inside.rglob("*.ipynb")} == released
    (wheel,) = inside.glob("*.whl")
    assert wheel.name in (inside / "README.md").read_text()


def test_no_mistake_is_in_it(packed):
    everything = texts(packed)
    asking = {
        name: text for name, text in everything.items() if name.startswith("wheel/autograder/exercises/")
    }
    for exercise_id in exercises():
        for mistake in load(exercise_id).misconceptions.values():
            for name, text in everything.items():
                assert mistake.id not in text, name
            for name, text in asking.items():
                assert mistake.says not in text, (name, mistake.id)
                if name.startswith(f"wheel/autograder/exercises/{exercise_id.partition('.')[0]}/"):
                    declared = rf"(def|class) {mistake.answer.__name__}\b"
                    assert not re.search(declared, text), (name, mistake.id)
    assert not any(
        one["misconceptions"]
        for lesson in json.loads(everything["wheel/autograder/exercises/index.json"])["lessons"]
        for one in lesson["exercises"]
    )


def test_no_answer_is_in_it(packed):
    """But for what course_lib does itself: references are for everybody to read."""
    everything = texts(packed)
    library = "".join(
        "".join(text.split()) for name, text in everything.items() if name.startswith("wheel/course_lib/")
    )
    rest = {
        name: "".join(text.split())
        for name, text in everything.items()
        if name.startswith(
            ("wheel/autograder/exercises/", "wheel/course/", "wheel/drills/", "clip-to-int8/notebooks/")
        )
    }
    # Hints may come near, and the last one is almost the code.
    hints = "".join(
        "".join(hint.split())
        for lesson in index()["lessons"]
        for one in lesson["exercises"]
        for hint in one["hints"]
    )
    telling = 0
    for path in sorted(ROOT.glob("solutions/0*/*.py")):
        for block in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", path.read_text(), re.DOTALL):
            for line in block.splitlines():
                bare = "".join(line.removeprefix("#").split()).removeprefix("return")
                if len(bare) < 40 or bare in library or bare in hints:
                    continue
                telling += 1
                for name, text in rest.items():
                    assert bare not in text or _is_reference(name), (name, line)
    assert telling > 100


def test_drill_cards_are_in_it_but_for_programs(packed):
    whole = load_deck().cards
    found = load_deck(next(packed.rglob("drills/cards"))).cards
    assert found.keys() == {id for id, card in whole.items() if card.kind not in ("code", "bug")}
    assert not any(card.misconceptions for card in found.values())


def _is_reference(name: str) -> bool:
    """Whether the reference of an exercise is written in its file: a lesson's "spot the bugs" has no other place."""
    path = re.fullmatch(r"wheel/autograder/exercises/(\w+)/(\w+)\.py", name)
    return bool(path) and load(f"{path[1]}.{path[2]}").reference.__module__.startswith("autograder.exercises")


def test_nothing_of_class_grading_is_in_it(packed):
    names = [path.relative_to(packed).as_posix() for path in packed.rglob("*")]
    for gone in (
        "autograder/classroom",
        "autograder/notebooks",
        "autograder/gate.py",
        "solutions",
        "tests",
        "docs",
    ):
        assert not [name for name in names if re.search(rf"(^|/){gone}(/|$)", name)]
    for name, text in texts(packed).items():
        assert "COURSE_SEED=" not in text, name


def test_every_exercise_can_be_judged_at_home(python, tmp_path):
    code = """
from autograder import cases
from autograder.exercises import exercises, load
from autograder.expectation import expect
import autograder
for one in exercises():
    exercise = load(one)
    assert not exercise.misconceptions and not exercise.correct, one
    for case in cases(exercise):
        expect(exercise, case)
print(autograder.__file__, len(exercises()))
"""
    done = subprocess.run(
        [str(python), "-c", code],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    where, count = done.stdout.split()
    assert Path(where).is_relative_to(python.parents[1])
    assert int(count) == len(exercises())


def test_a_lesson_runs_and_judges_right_and_wrong(packed, python, tmp_path):
    notebook = nbformat.read(packed / "clip-to-int8/notebooks/01_infonce/infonce.ipynb", as_version=4)
    given = {"clip_loss": RIGHT, "similarity_logits": WRONG, "test_clip_loss": TEST}
    by_id = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    for name, source in given.items():
        by_id[name].source = source
    notebook.cells = [cell for cell in notebook.cells if "experiment" not in cell.metadata.get("tags", [])]
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = str(python)
    client.execute(env=environment(tmp_path))
    said = {
        name: "".join(output.get("text", "") for output in by_id[f"check-{name}"].outputs) for name in given
    }
    assert "infonce.clip_loss · passed · " in said["clip_loss"]
    assert "infonce.similarity_logits · not yet · " in said["similarity_logits"]
    assert "it should be" in said["similarity_logits"]
    assert "LOOKS LIKE" not in said["similarity_logits"]
    assert 'hint("infonce.similarity_logits")' in said["similarity_logits"]
    assert "0 of 0 points" in said["test_clip_loss"]
    assert "judged when" in said["test_clip_loss"]
    assert "Your instructor grades this explanation." in str(notebook)


def test_verbs_for_instructors_say_that_they_are_not_here(python, tmp_path):
    for verb in (["report", "01_infonce"], ["lint"], ["pack", "--students"]):
        done = subprocess.run(
            [str(python), "-m", "course", *verb],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("This is the students' installation")


def test_packing_twice_gives_the_same_bytes(packed, tmp_path):
    assert pack_students(ROOT, tmp_path).read_bytes() == next(packed.glob("*.zip")).read_bytes()


def test_an_answer_in_the_release_stops_it(tmp_path):
    (tmp_path / "a.ipynb").write_text("### BEGIN SOLUTION")
    with pytest.raises(CourseError, match="run `course build` first"):
        _look_for_answers(tmp_path)
