"""A class graded by `course grade` in formgrader: what a person enters there survives a regrade."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))  # what both tests of formgrader share

from formgrading import MATHJAX, STAND_IN, TOKEN, formgrader

ROOT = Path(__file__).resolve().parents[2]
EXPLANATION = "explain_ceiling"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.nbgrader,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),  # of nbgrader's own queries
]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A class of two, graded by us."""
    path = ROOT / "tests" / "classroom" / "conftest.py"
    spec = importlib.util.spec_from_file_location("classroom_conftest", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path_factory.mktemp("class")
    module.fill(root)
    room = module.Classroom(root, tmp_path_factory.mktemp("class-home"))
    room.submit("ada", room.answers())
    room.submit("bob", {})
    room.run(sys.executable, "-m", "course", "grade", "01", COURSE_ROOT=str(root))
    return room


def marks(room, student):
    with room.gradebook() as gradebook:
        grade = gradebook.find_grade(EXPLANATION, "infonce", room.lesson, student)
        return grade.auto_score, grade.manual_score, grade.needs_manual_grade


def test_a_mark_that_a_person_enters_survives_a_regrade(room, chromium, tmp_path):
    assert marks(room, "ada") == (None, None, True)
    assert marks(room, "bob") == (0.0, None, False)
    before = room.points("ada")
    with formgrader(room.root, tmp_path) as running, sync_playwright() as playwright:
        address = running.submission("ada", room.lesson, "infonce")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(extra_http_headers={"Authorization": f"token {TOKEN}"})
        page.route(f"https://{MATHJAX}/**", lambda route: route.fulfill(body=STAND_IN))
        page.goto(address, wait_until="domcontentloaded")
        box = page.locator(f"input.score[id='{EXPLANATION}']")
        expect(box).to_be_visible()
        # The box stands in the page before formgrader listens to it; what is typed until then is lost.
        page.wait_for_function("() => formgrader.grades && formgrader.grades.loaded")
        with page.expect_response(lambda answer: answer.request.method == "PUT") as saved:
            box.fill("1.5")
            box.blur()
        assert saved.value.ok
        assert marks(room, "ada")[1] == 1.5

        said = room.run(
            sys.executable, "-m", "course", "grade", "01", "--regrade", COURSE_ROOT=str(room.root)
        )
        assert re.search(r"01_infonce: 2 graded\.", said)
        assert marks(room, "ada") == (None, 1.5, True)  # as nbgrader: a person may want to look again
        assert room.points("ada") == before
        page.reload(wait_until="domcontentloaded")
        expect(page.locator("input.score").filter(has_not_text="x")).not_to_have_count(0)
        values = [box.input_value() for box in page.locator("input.score").all()]
        assert "1.5" in values
        browser.close()
    assert room.exported()["ada"] == sum(before.values()) + 1.5
