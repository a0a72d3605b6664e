"""Whoever looks at a submission full of scripts, in feedback or in formgrader, runs none of them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))  # what both tests of formgrader share

from formgrading import HERE, MATHJAX, STAND_IN, TOKEN, formgrader

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.nbgrader,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),  # of nbgrader's own queries
]


@dataclass
class Watched:
    """A page in which everything that a script can do is noticed."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    dialogs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        self.page.on("dialog", self._answer)
        # Tests use no network, and formgrader's scripts do not start without MathJax.
        self.page.route(f"https://{MATHJAX}/**", lambda route: route.fulfill(body=STAND_IN))

    def _answer(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, url: str) -> None:
        """Open a page, and click whatever a student put there to be clicked."""
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_timeout(1500)
        for bait in self.page.get_by_text("bait", exact=True).all():
            bait.dispatch_event("click")
        self.page.wait_for_timeout(300)

    @property
    def pwned(self) -> bool:
        ran = self.page.evaluate("typeof window.pwned !== 'undefined'")
        return ran or bool(self.dialogs) or "pwned.invalid" in self.hosts


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    path = ROOT / "tests" / "autograder" / "classroom" / "rooms.py"
    spec = importlib.util.spec_from_file_location("rooms", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def classes(rooms, tmp_path_factory) -> dict:
    """Two classrooms with the same submissions: one with the course's configuration, one without its safety."""
    made = {}
    for name in ("ours", "stock"):
        room = made[name] = rooms.make_room(tmp_path_factory.mktemp(name))
        room.add("evil", rooms.hostile())
        room.add("good", rooms.honest(), manual=1.5)
    config = made["stock"].root / "nbgrader_config.py"
    lines = config.read_text().splitlines()
    kept = lines[: next(i for i, line in enumerate(lines) if line.startswith("c.HTMLExporter"))]
    config.write_text("\n".join(kept))
    return made


@pytest.fixture
def watched(chromium) -> Iterator[Watched]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield Watched(browser.new_page(extra_http_headers={"Authorization": f"token {TOKEN}"}))
        browser.close()


@pytest.fixture(scope="module")
def formgraders(classes, rooms, tmp_path_factory) -> Iterator[dict[str, str]]:
    """The address of formgrader's page for grading the hostile submission by hand, in each classroom."""
    with ExitStack() as stack:
        addresses = {}
        for name, room in classes.items():
            home = tmp_path_factory.mktemp(f"{name}-home")
            running = stack.enter_context(formgrader(room.root, home))
            addresses[name] = running.submission("evil", rooms.ASSIGNMENT, rooms.NOTEBOOK)
        yield addresses


def test_nothing_runs_on_the_feedback_page(classes, watched, rooms):
    from autograder.classroom.feedback import write_feedback

    room = classes["ours"]
    assert not write_feedback(room.root, rooms.ASSIGNMENT).failed
    watched.open((room.root / "classroom/feedback/evil/01_infonce/infonce.html").as_uri())
    assert not watched.pwned
    assert watched.hosts == {""}  # the file, and data: addresses
    assert watched.page.get_by_text("Student's answer").count() == 2


def test_nothing_runs_on_the_page_of_plain_nbgrader(classes, watched, rooms):
    room = classes["ours"]
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", rooms.ASSIGNMENT, "--force"]
    subprocess.run(command, cwd=room.root, check=True, capture_output=True)
    watched.open((room.root / "classroom/feedback/evil/01_infonce/infonce.html").as_uri())
    assert not watched.pwned
    assert watched.hosts == {""}


def test_nothing_runs_in_the_report(rooms, watched, tmp_path):
    sys.path.insert(0, str(ROOT / "tests" / "autograder" / "classroom"))
    import class_of

    from autograder.classroom.outcome import Problem
    from autograder.classroom.report import overview, page
    from autograder.classroom.similarity import Pair, Place

    outcomes = []
    for text in rooms.HOSTILE_HTML:
        one = class_of.outcome(text, {"clip_loss": "summed"}, status="graded with problems")
        one.problems.append(Problem(kind="crashed", text=text, notebook=text, cell=text))
        outcomes.append(one)
    outcomes.append(
        class_of.failed("</title><script>window.pwned=1</script>", "</style><script>window.pwned=1</script>")
    )
    places = tuple(Place("infonce", "clip_loss", 1.0, 0.5, 5.0, text, text) for text in rooms.HOSTILE_HTML)
    report = tmp_path / "report.html"
    report.write_text(page(overview(outcomes, class_of.assignment()), [Pair("<b>", "bait", places)]))
    watched.open(report.as_uri())
    assert not watched.pwned
    assert watched.hosts == {""}
    for width in (
        1200,
        390,
    ):  # nothing but wide tables and pictures in boxes of their own is wider than the page
        watched.page.set_viewport_size({"width": width, "height": 800})
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_runs_in_formgrader(formgraders, watched):
    watched.open(formgraders["ours"])
    assert not watched.pwned
    assert watched.hosts <= {"", HERE, MATHJAX}  # MathJax is nbgrader's own
    score = watched.page.locator("input.score").first  # formgrader's own scripts do run
    expect(score).to_have_attribute("placeholder", "1")


def test_without_our_configuration_they_run(formgraders, watched):
    """The attacks are real: the same notebook in the same formgrader, as nbgrader ships it."""
    watched.open(formgraders["stock"])
    for _ in range(40):  # a busy machine takes its time
        if watched.pwned:
            break
        watched.page.wait_for_timeout(500)
    assert watched.pwned
