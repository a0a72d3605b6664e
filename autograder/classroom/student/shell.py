"""An IPython shell without a kernel: it runs cells, and what they show becomes a notebook's outputs.

It exists before the fork, so that a notebook starts in milliseconds. What a kernel has and this has not is
noted in `wants_kernel` when a cell reaches for it; the notebook is then run in a real one.
"""

from __future__ import annotations

import asyncio
import base64
import builtins
import getpass
import io
import subprocess
import sys
from typing import Any

from ipykernel.compiler import XCachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

#: Magics that only a kernel has.
KERNEL_MAGICS = ("connect_info", "qtconsole", "less", "more", "man", "autosave", "subshell")
LONGEST, MOST_LINES = 20_000, 500  # of an exception's texts
CUT = "\n... the rest of this cell's output was cut off ...\n"


class Outputs:
    """What one cell shows, in the order in which it does, up to a number of bytes."""

    def __init__(self) -> None:
        self.limit = 1 << 21
        self.start()

    def start(self) -> None:
        """Forget what an earlier cell showed."""
        self.shown: list[dict[str, Any]] = []
        self.cut = False
        self._left = self.limit
        self._clear = False

    def stream(self, name: str, text: str) -> None:
        """Add text; what follows on the same stream belongs to one output."""
        if not text:
            return
        self._clear_now()
        if len(text) > self._left:
            text = "" if self.cut else text[: self._left] + CUT
            self.cut = True
        self._left -= min(len(text), self._left)
        last = self.shown[-1] if self.shown else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].append(text)
        elif text:
            self.shown.append({"output_type": "stream", "name": name, "text": [text]})

    def add(self, output: dict[str, Any]) -> None:
        """Add an output other than a stream."""
        self._clear_now()
        size = sum(len(value) for value in output.get("data", {}).values() if isinstance(value, str))
        if size > self._left:
            self.stream("stdout", CUT)
            self.cut = True
            return
        self._left -= size
        self.shown.append(output)

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """Add an exception, its texts cut where they are as long as no message is."""
        self._clear_now()
        self.cut = self.cut or any(len(text) > LONGEST for text in (value, *traceback))
        shown = [text[:LONGEST] for text in traceback[:MOST_LINES]]
        self.shown.append(
            {"output_type": "error", "ename": name[:LONGEST], "evalue": value[:LONGEST], "traceback": shown}
        )

    def clear(self, wait: bool) -> None:
        """Remove what was shown so far, or do so when something else is shown."""
        self._clear = True
        if not wait:
            self._clear_now()

    def _clear_now(self) -> None:
        if self._clear:
            self._clear = False
            self.shown = []

    def finished(self) -> list[dict[str, Any]]:
        """The outputs in a notebook's form."""
        for one in self.shown:
            one.pop("display_id", None)
        return [one | {"text": "".join(one["text"])} if "text" in one else one for one in self.shown]

    def update(self, name: str, data: dict[str, Any], metadata: dict[str, Any]) -> bool:
        """Replace what this cell shows under a display's name; whether it shows anything under it."""
        found = [one for one in self.shown if one.get("display_id") == name]
        for one in found:
            one |= {"data": data, "metadata": metadata}
        return bool(found)


outputs = Outputs()


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a cell."""

    encoding = "UTF-8"
    errors = None

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = f"<{name}>"
        self._stream, self._descriptor = name, descriptor

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Where other programs may print to."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Add text to what the cell shows."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        outputs.stream(self._stream, text)
        return len(text)


class _Hook(DisplayHook):
    """Shows the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        """Say nothing: the notebook numbers its outputs."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        outputs.add(
            {
                "output_type": "execute_result",
                "execution_count": self.prompt_count,
                "data": _encoded(format_dict),
                "metadata": md_dict or {},
            }
        )

    def finish_displayhook(self) -> None:
        """Write no separator."""


class _Publisher(DisplayPublisher):
    """Shows what ``display`` is given."""

    def publish(  # type: ignore[override]
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **ignored: Any,
    ) -> None:
        """Show something, or change what is shown under a name."""
        name, encoded = (transient or {}).get("display_id"), _encoded(data)
        if not update:
            shown = {"output_type": "display_data", "data": encoded, "metadata": metadata or {}}
            outputs.add(shown | ({"display_id": name} if name else {}))
        elif not outputs.update(str(name), encoded, metadata or {}):
            self.shell.wants_kernel = "a display that changes what an earlier cell shows"

    def clear_output(self, wait: bool = False) -> None:
        """Remove what the cell has shown."""
        outputs.clear(wait)


class Shell(InteractiveShell):
    """The shell that a notebook's cells run in."""

    displayhook_class = _Hook
    display_pub_class = _Publisher
    compiler_class = XCachingCompiler  # cells have the names in tracebacks that a kernel gives them

    def init_history(self) -> None:
        """Keep no history file: its writer is a thread, and no thread may live at a fork."""
        self.config.HistoryManager.enabled = False
        super().init_history()

    def init_instance_attrs(self) -> None:
        """Begin without a wish."""
        super().init_instance_attrs()
        self.wants_kernel: str | None = None

    @property
    def kernel(self) -> Any:
        """A kernel's shell has one; whoever asks for it in a cell needs a kernel."""
        if sys._getframe(1).f_globals.get("__name__") == "__main__":
            self.wants_kernel = "get_ipython().kernel"
        raise AttributeError("kernel")

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Note magics that only a kernel has."""
        if magic_name in KERNEL_MAGICS:
            self.wants_kernel = f"%{magic_name}"
        return super().run_line_magic(magic_name, line, _stack_depth + 1)

    def system(self, cmd: str) -> None:
        """Run ``!command``. A kernel does so in a terminal of its own; there are none here."""
        done = subprocess.run(
            self.var_expand(cmd, depth=1), shell=True, capture_output=True, text=True, errors="replace"
        )
        outputs.stream("stdout", done.stdout)
        outputs.stream("stderr", done.stderr)
        self.user_ns["_exit_code"] = done.returncode

    def enable_gui(self, gui: str | None = None) -> None:
        """Figures are drawn inline: there is no event loop of a window to enter."""

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        outputs.error(etype.__name__, _text(evalue), list(stb))


def make() -> Shell:
    """Make the shell. It is the one that ``get_ipython()`` finds, as matplotlib's inline backend does."""
    config = Config()
    config.HistoryManager.enabled = False
    shell: Shell = Shell.instance(config=config)
    formatter: Any = shell.display_formatter
    formatter.active_types = formatter.format_types  # as a kernel's
    return shell


def run(shell: Shell, loop: asyncio.AbstractEventLoop, source: str, number: int) -> None:
    """Run one cell as a kernel does, inside a running event loop."""
    shell.execution_count = number
    shell.wants_kernel = None
    outputs.start()
    try:
        loop.run_until_complete(_run(shell, source))
    except (KeyboardInterrupt, SystemExit) as error:  # struck outside the cell's own frames
        shell.showtraceback((type(error), error, error.__traceback__), exception_only=True)


async def _run(shell: Shell, source: str) -> None:
    transformed, problem = source, None
    try:
        transformed = shell.transform_cell(source)
    except Exception:
        problem = sys.exc_info()
    prepared: dict[str, Any] = {"transformed_cell": transformed, "preprocessing_exc_tuple": problem}
    if not shell.should_run_async(source, **prepared):
        shell.run_cell(source, store_history=True)
        return
    result = None
    try:
        result = await shell.run_cell_async(source, store_history=True, **prepared)
    finally:
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)


def take_over(descriptors: dict[str, int]) -> None:
    """Make the streams of this process those of a notebook."""
    sys.stdout, sys.stderr = (Stream(name, descriptors[name]) for name in ("stdout", "stderr"))

    def no_input(prompt: object = "") -> str:
        raise StdinNotImplementedError(
            "raw_input was called, but this frontend does not support input requests."
        )

    builtins.input = no_input
    getpass.getpass = no_input  # type: ignore[assignment]


def _encoded(data: dict[str, Any]) -> dict[str, Any]:
    """Bytes as base64, as in a notebook."""
    return {
        kind: base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
        for kind, value in data.items()
    }


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        return f"(its text cannot be shown: {type(error).__name__})"
