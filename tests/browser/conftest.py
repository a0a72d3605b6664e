"""A learner's machine: the course's own command in a fresh home, and a lesson in headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Response, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
HERE = "127.0.0.1"
PATIENCE = 30_000  # ms; the first import of torch is the longest wait
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# A container has no sandbox and no graphics card; the others keep Chromium itself from calling home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: JupyterLab asks a kernel about its debugger as soon as a page is open, and complains of itself when a restart
#: comes before the answer. A learner sees nothing of it, and nothing of ours takes part.
JUPYTERLABS_OWN = "Could not restore the debugger state: Canceled future for debug_request"
#: Names a folder, such as docs/images: the test then leaves its pictures there.
PICTURES = "COURSE_SCREENSHOTS"


@dataclass(frozen=True)
class Machine:
    """The learner's machine: an address to open, and the folder with the learner's own copies."""

    url: str
    work: Path


@dataclass
class Log:
    """What goes on behind a page: the hosts that it asks, and everything that the browser complains of."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self._ask(request.url))
        self.page.on("websocket", lambda websocket: self._ask(websocket.url))
        self.page.on("response", self._answer)
        self.page.on("console", self._say)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _ask(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob"):  # these carry their content with them
            self.hosts.add(parts.hostname or url)

    def _answer(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def _say(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(JUPYTERLABS_OWN):
            self.complaints.append(message.text)


class Lesson:
    """A lesson in JupyterLab, used as a learner uses it: with the mouse, the keyboard and the eyes."""

    def __init__(self, page: Page):
        self.page, self.log = page, Log(page)

    def wait_for_kernel(self) -> None:
        """Wait until the status bar calls the kernel idle: before, JupyterLab still moves the focus about."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

    def interruptions(self) -> Locator:
        """All that wants to be clicked away: dialogs in the middle of the page, notices in its corner."""
        return self.page.locator(".jp-Dialog, .Toastify__toast")

    def cell(self, source: str) -> Locator:
        """The code cell that holds this text."""
        text = self.page.locator(".cm-content").filter(has_text=source)
        return self.page.locator(".jp-CodeCell").filter(has=text)

    def tab(self, cell: Locator, control: Locator) -> None:
        """Go from a cell's text to one of its controls by keyboard alone."""
        cell.locator(".cm-line").first.click()
        self.page.keyboard.press("Escape")  # out of the text, where Tab indents
        for _ in range(12):  # the cell's own buttons come first, if they are shown
            self.page.keyboard.press("Tab")
            if control.evaluate("element => element === document.activeElement"):
                return
        pytest.fail("The Tab key does not lead to the control.")

    def run(self, cell: Locator) -> Locator:
        """Run a cell with Shift+Enter, wait until it is done, and return its output."""
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.text_content() or ""  # inner_text() is empty while the cell is out of sight
        cell.locator(".cm-line").first.click()
        self.page.keyboard.press("Shift+Enter")
        expect(prompt).not_to_have_text(before)
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))
        return cell.locator(".jp-Cell-outputArea")

    def replace_line(self, cell: Locator, old: str, new: str) -> None:
        """Put another text in the place of one line's, key by key."""
        cell.locator(".cm-line").filter(has_text=old).click()
        for keys in ("End", "Shift+Home"):  # Home goes to the first letter: the indentation stays
            self.page.keyboard.press(keys)
        self.page.keyboard.type(new)
        expect(cell.locator(".cm-line").filter(has_text=new)).to_have_count(1)

    def save(self) -> None:
        """Save with Ctrl+S, and wait until the file is written."""
        self.page.keyboard.press("Control+s")
        expect(self.page.locator(".lm-DockPanel-tabBar .jp-mod-dirty")).to_have_count(0)

    def reload(self) -> None:
        """Load the page anew, as a browser does after it was closed."""
        self.page.reload()
        self.wait_for_kernel()

    def restart_kernel(self) -> None:
        """Restart the kernel from the menu."""
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()
        expect(self.interruptions()).to_have_count(0)
        self.wait_for_kernel()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, or the reason why these tests are skipped."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("There is no Chromium here. On Debian: apt install chromium")
    return found


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Machine]:
    """``course lab 01`` in a clone of its own, under a home of its own."""
    clone, home = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("home")
    for name in ("solutions", "notebooks"):
        (clone / name).symlink_to(ROOT / name)
    theirs = ("XDG_", "JUPYTER", "IPYTHON", "COURSE_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    environment |= {
        "HOME": str(home),
        "COURSE_ROOT": str(clone),
        "COURSE_PROGRESS": str(home / "progress.sqlite"),
    }
    with socket.socket() as probe:  # far from 8888, where other tests look for a port at the same time
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    lab = subprocess.Popen(
        [sys.executable, "-m", "course", "lab", "01", "--no-browser", f"--port={port}"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert lab.stdout is not None
    try:
        said = []
        for line in lab.stdout:
            said.append(line)
            if address := re.match(r"Open (http://\S+)", line):
                break
        else:
            pytest.fail("`course lab` ended before it named an address:\n" + "".join(said))
        yield Machine(address[1], clone / "work")
    finally:
        lab.terminate()
        try:
            lab.communicate(timeout=20)
        finally:
            lab.kill()


@pytest.fixture(scope="session")
def lesson(chromium: str, machine: Machine) -> Iterator[Lesson]:
    """The lesson in a fresh browser profile."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        # In a picture, as many pixels as the figure beside the sliders has itself.
        dense = 1.5 if PICTURES in os.environ else 1.0
        page = browser.new_page(viewport={"width": 1320, "height": 1000}, device_scale_factor=dense)
        page.set_default_timeout(PATIENCE)
        opened = Lesson(page)
        page.goto(machine.url)
        opened.wait_for_kernel()
        yield opened
        browser.close()


@pytest.fixture(scope="module")
def pages(chromium: str, machine: Machine) -> Iterator[Callable[[str], Lesson]]:
    """Open a notebook in ``work/`` by its name, in a page of its own."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)

        def open_one(name: str) -> Lesson:
            page = browser.new_page(viewport={"width": 1200, "height": 1000})
            page.set_default_timeout(PATIENCE)
            opened, address = Lesson(page), urlsplit(machine.url)
            # A workspace of its own: what is open in one page is opened in the next one of the same workspace.
            path = f"/lab/workspaces/{name.partition('.')[0]}/tree/{name}"
            page.goto(address._replace(path=path).geturl())
            opened.wait_for_kernel()
            return opened

        yield open_one
        browser.close()


@pytest.fixture(scope="session")
def picture(lesson: Lesson) -> Callable[[str, Locator, Locator], None]:
    """Take a picture, of one cell to another further down, if somebody asked for pictures."""

    def take(name: str, first: Locator, last: Locator) -> None:
        folder = os.environ.get(PICTURES)
        if not folder:
            return
        first.scroll_into_view_if_needed()
        top, bottom = first.bounding_box(), last.bounding_box()
        if not top or not bottom:
            pytest.fail(f"The cells for the picture {name!r} are not on the page.")
        frame = 3  # px, by which the next cell's frame reaches over the edge
        height = bottom["y"] + bottom["height"] - top["y"] - frame
        lesson.page.screenshot(
            path=ROOT / folder / f"{name}.png",
            clip={"x": top["x"], "y": top["y"], "width": top["width"], "height": height},
            animations="disabled",
        )

    return take
