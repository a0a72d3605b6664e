"""``course lab``: the learner's copies of the lessons, and JupyterLab on them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence

from course import paths, workspace
from course.server import Server

__all__ = ["has_browser", "lab"]


def lab(
    lesson: str | None = None,
    *,
    port: int | None = None,
    ip: str = "127.0.0.1",
    browser: bool | None = None,
    classroom: bool = False,
    options: Sequence[str] = (),
) -> int:
    """Copy new lessons into ``work/``, run JupyterLab there and print its address; return when it has ended.

    Parameters
    ----------
    lesson : the lesson to open (``01``, ``infonce``, ...); the first one by default.
    port : port to listen on; by default the first free one from 8888 on.
    ip : address to listen on; ``0.0.0.0`` lets a container publish the port.
    browser : whether to open a browser; by default if there is one.
    classroom : whether to open the whole course with nbgrader's formgrader, as instructors need it, in place
        of a learner's copies.
    options : further options for JupyterLab, as on its command line.

    Returns
    -------
    int
        Exit status: 0 after Ctrl-C and after "Shut Down" in JupyterLab's menu.

    Raises
    ------
    CourseError
        If there is no such lesson, the port is taken, or JupyterLab does not start.
    """
    root, work, notebooks = paths.root(), paths.work_dir(), paths.notebooks_dir()
    page = ""
    if classroom:
        folder, state = root, root / "classroom" / ".jupyter"
    else:
        folder, state = work, work / ".jupyter"
        first = lesson if lesson is not None else workspace.lessons(notebooks)[0]
        page = workspace.first_notebook(first, notebooks).as_posix()
        _prepare()
    server = Server(
        folder,
        state,
        ip=ip,
        port=port,
        open_browser=has_browser() if browser is None else browser,
        page=page,
        classroom=classroom,
        options=options,
    )
    with _signals_as_interrupts():
        try:
            server.start()
            print(f"Open {server.url}", flush=True)
            print("Ctrl-C ends JupyterLab.", flush=True)
            return server.wait()
        except KeyboardInterrupt:
            print("\nEnding JupyterLab.", flush=True)
            return 0
        finally:
            server.stop()


def has_browser() -> bool:
    """Whether a browser can open a window here; one that draws in the terminal does not count."""
    displays = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    if sys.platform.startswith(("linux", "freebsd")) and not any(os.environ.get(name) for name in displays):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _prepare() -> None:
    work, notebooks = paths.work_dir(), paths.notebooks_dir()
    copied = workspace.populate(work, notebooks)
    if copied:
        what = "1 new file" if len(copied) == 1 else f"{len(copied)} new files"
        print(f"Copied {what} into {work}, to be changed at will.", flush=True)
    behind = workspace.outdated(work, notebooks)
    if behind:
        names = ", ".join(sorted({path.parts[0] for path in behind}))
        print(f"Newer release of {names}: `course update` brings it and keeps your answers.", flush=True)


@contextlib.contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Let a closed terminal (SIGHUP) and a stopped container (SIGTERM) end JupyterLab as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may set handlers
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
