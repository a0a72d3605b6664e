"""A learner's machine: the course's own command in a fresh home, and its first lesson in headless Chromium."""

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

import pytest
from playwright.sync_api import Locator, Page, Playwright, expect, sync_playwright

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
#: Names a folder, such as docs/images: the test then leaves its pictures there.
PICTURES = "COURSE_SCREENSHOTS"


@dataclass
class Machine:
    """The learner's machine: an address to open, and the folder with the learner's own copies."""

    url: str
    work: Path


@dataclass
class Log:
    """What went on behind the page: hosts that were asked, and everything that the browser complained of."""

    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Write down what happens to a page from now on."""
        page.on("request", lambda request: self._address(request.url))
        page.on("websocket", lambda socket: self._address(socket.url))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on(
            "response", lambda r: self.complaints.append(f"{r.status} {r.url}") if r.status >= 400 else None
        )
        page.on(
            "console", lambda m: self.complaints.append(f"console: {m.text}") if m.type == "error" else None
        )

    def _address(self, url: str) -> None:
        scheme, _, rest = url.partition(":")
        if scheme not in ("data", "blob"):  # these carry their content with them
            self.hosts.add(re.split(r"[/:]", rest.removeprefix("//"))[0])


class Lesson:
    """A lesson in JupyterLab, used as a learner uses it: with the mouse, the keyboard and the eyes."""

    def __init__(self, page: Page):
        self.page = page

    def wait_for_kernel(self) -> None:
        """Wait until the status bar calls the kernel idle: before, JupyterLab still moves the focus about."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

    def interruptions(self) -> Locator:
        """All that asks to be clicked away: dialogs in the middle of the page, notices in its corner."""
        return self.page.locator(".jp-Dialog, .Toastify__toast")

    def cell(self, source: str) -> Locator:
        """The code cell that holds this text."""
        return self.page.locator(".jp-CodeCell").filter(
            has=self.page.locator(".cm-content").filter(has_text=source)
        )

    def run(self, cell: Locator) -> Locator:
        """Run a cell with Shift+Enter, wait until it is done, and return its output."""
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        cell.locator(".cm-line").first.click()
        self.page.keyboard.press("Shift+Enter")
        expect(prompt).not_to_have_text(before)
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))
        return cell.locator(".jp-Cell-outputArea")

    def select(self, cell: Locator) -> None:
        """Select a cell, so that the keyboard's focus is on it and not in its text."""
        cell.locator(".cm-line").first.click()
        self.page.keyboard.press("Escape")

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

    def restart_kernel(self) -> None:
        """Restart the kernel from the menu."""
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()
        self.page.get_by_role("button", name="Confirm Kernel Restart").click()
        expect(self.interruptions()).to_have_count(0)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, or the reason why these tests are skipped."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("needs Chromium: apt install chromium")
    return found


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Machine]:
    """``course lab 01`` in a clone of its own, under a home of its own."""
    clone, home = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("home")
    for name in ("solutions", "notebooks"):
        (clone / name).symlink_to(ROOT / name)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "JUPYTER", "IPYTHON", "COURSE_", "PYTEST_"))
    }
    environment |= {
        "HOME": str(home),
        "COURSE_ROOT": str(clone),
        "COURSE_PROGRESS": str(home / "progress.sqlite"),
    }
    with socket.socket() as probe:  # far from 8888, where others may begin to look at the same time
        probe.bind((HERE, 0))
        port = probe.getsockname()[1]
    lab = subprocess.Popen(
        [sys.executable, "-m", "course", "lab", "01", "--no-browser", f"--port={port}"],
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
def playwright() -> Iterator[Playwright]:
    """Playwright itself, which the course asks for no browser of its own."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def log() -> Log:
    """What the browser asked for and complained of."""
    return Log()


@pytest.fixture(scope="session")
def lesson(playwright: Playwright, chromium: str, machine: Machine, log: Log) -> Iterator[Lesson]:
    """The lesson in a fresh browser profile."""
    expect.set_options(timeout=PATIENCE)
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    try:
        scale = 1.5 if PICTURES in os.environ else 1
        context = browser.new_context(viewport={"width": 1320, "height": 1000}, device_scale_factor=scale)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        log.listen(page)
        page.goto(machine.url)
        lesson = Lesson(page)
        lesson.wait_for_kernel()
        yield lesson
    finally:
        browser.close()


@pytest.fixture(scope="session")
def picture(lesson: Lesson) -> Callable[..., None]:
    """Take a picture of cells that stand below one another, if somebody asked for pictures."""

    def take(name: str, first: Locator, last: Locator) -> None:
        folder = os.environ.get(PICTURES)
        if not folder:
            return
        first.scroll_into_view_if_needed()
        top, bottom = first.bounding_box(), last.bounding_box()
        assert top is not None and bottom is not None
        frame = 3  # px, by which the next cell's frame reaches over the edge
        clip = {**top, "height": bottom["y"] + bottom["height"] - frame - top["y"]}
        lesson.page.screenshot(path=ROOT / folder / f"{name}.png", clip=clip, animations="disabled")

    return take
