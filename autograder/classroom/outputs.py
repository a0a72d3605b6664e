"""What a student's cell showed, as it came back from an isolated process: made valid, and limited."""

from __future__ import annotations

import json
from typing import Any

from nbformat import NotebookNode

from autograder.classroom.untrusted import clean as clean_json
from autograder.classroom.untrusted import strings, text

#: How the note begins that says that something was left out.
CUT = "... Output truncated"

MOST = 1000  # outputs of one cell: writing a notebook checks each, at some 0.3 ms

MOST_MIMES = 100  # of one output: a rich one has five

#: What the score of a cell can depend on is kept beyond the limit, this much of each.
_RESERVE = 10_000


def clean(outputs: object, limit: int) -> list[NotebookNode]:
    """Make valid outputs of nbformat 4 from untrusted JSON; never raises.

    Only the four known types with their known keys remain. Beyond `limit`, text is cut, whole results are
    left out, and a line on stdout says so. But the first error, the first text on stderr and the value of
    the cell stay, shortened: leaving them out would change its score.

    Parameters
    ----------
    outputs : object
        What ``json.loads`` returned: a list of outputs, if the sender was honest.
    limit : int
        Bytes of UTF-8 for all of them together.
    """
    cleaner = _Cleaner(limit)
    for output in outputs if isinstance(outputs, list) else []:
        cleaner.add(output)
    return cleaner.finished()


def was_cut(outputs: list[NotebookNode]) -> bool:
    """Whether `clean` or `limit_lines` left something out."""
    texts = [output.text for output in outputs if output.output_type == "stream"]
    return any(line.startswith(CUT) for shown in texts for line in shown.splitlines()[-1:])


def limit_lines(
    outputs: list[NotebookNode], max_lines: int = 1000, max_traceback: int = 100
) -> list[NotebookNode]:
    """Shorten streams and tracebacks exactly as nbgrader's LimitOutput does; -1 means no limit."""
    kept, length = [], 0
    for output in outputs:
        if output.output_type == "stream" and max_lines != -1:
            if length == max_lines:
                continue
            lines = output.text.split("\n")
            if len(lines) + length > max_lines:
                lines = [*lines[: max_lines - length - 1], f"{CUT} ..."]
            length += len(lines)
            output = NotebookNode(output, text="\n".join(lines))
        elif output.output_type == "error" and -1 < max_traceback < len(output.traceback):
            start = max_traceback // 2
            end = max_traceback - start - 1
            middle = "... Traceback truncated ..."
            output = NotebookNode(
                output, traceback=[*output.traceback[:start], middle, *output.traceback[-end:]]
            )
        kept.append(output)
    return kept


class _Cleaner:
    """Collects valid outputs, and counts the room that is left for them."""

    def __init__(self, limit: int) -> None:
        self._limit = self._room = limit
        self._kept: list[NotebookNode] = []
        self._decided: set[str] = set()  # the kinds of output that a score depends on, seen so far
        self._reserve = 0  # beyond the room: for the present output, if it is the first of such a kind
        self._cut = False

    def add(self, output: object) -> None:
        if not isinstance(output, dict):
            return
        kind = output.get("output_type")
        if kind == "stream" and output.get("name") == "stderr":
            deciding = "stderr"
        else:
            deciding = kind if kind in ("error", "execute_result") else ""
        first = bool(deciding) and deciding not in self._decided
        if len(self._kept) >= MOST and not first:
            self._cut = True
            return
        self._reserve = _RESERVE if first else 0
        made = None
        if kind == "stream":
            made = self._stream(output)
        elif kind == "error":
            made = self._error(output)
        elif kind in ("display_data", "execute_result"):
            made = self._result(output)
        if made is not None:
            self._decided.add(deciding)
            self._kept.append(made)

    def finished(self) -> list[NotebookNode]:
        if self._cut:
            notice = f"{CUT}: a cell can show {self._limit:,} bytes ...\n"
            self._kept.append(NotebookNode(output_type="stream", name="stdout", text=notice))
        return self._kept

    def _stream(self, output: dict[str, Any]) -> NotebookNode | None:
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        shown = self._within(text(output.get("text")))
        return NotebookNode(output_type="stream", name=name, text=shown) if shown else None

    def _error(self, output: dict[str, Any]) -> NotebookNode | None:
        name, value = (self._within(text(output.get(key))) for key in ("ename", "evalue"))
        found = output.get("traceback")
        frames = self._few(found, MOST) if isinstance(found, list) else []
        # Each entry has several lines. Those for which there is no room are left out.
        lines = [self._within(text(frame)) for frame in frames]
        if name is None or value is None:
            return None
        traceback = [line for line in lines if line is not None]
        return NotebookNode(output_type="error", ename=name, evalue=value, traceback=traceback)

    def _result(self, output: dict[str, Any]) -> NotebookNode | None:
        data = self._bundle(output.get("data"))
        if not data:
            return None
        found = output.get("metadata")
        metadata = clean_json(found) if isinstance(found, dict) else NotebookNode()
        if not self._fits(metadata):
            metadata = NotebookNode()
        made = NotebookNode(output_type=output["output_type"], data=data, metadata=metadata)
        if output["output_type"] == "execute_result":
            count = output.get("execution_count")
            made.execution_count = count if type(count) is int and 0 <= count < 2**31 else None
        return made

    def _bundle(self, found: object) -> NotebookNode:
        data = NotebookNode()
        for mime, value in self._few([*found.items()], MOST_MIMES) if isinstance(found, dict) else ():
            made: Any = None
            if not isinstance(mime, str) or not (mime == "text/plain" or self._fits(text(mime))):
                continue
            if mime == "application/json" or (mime.startswith("application/") and mime.endswith("+json")):
                made = clean_json(value)
            elif isinstance(value, str) or strings(value):
                made = text(value)
            if mime == "text/plain" and made is not None:
                made = self._within(made)
            elif made is not None and not self._fits(made):
                made = None
            if made is not None:
                data[text(mime)] = made
        return data

    def _few(self, values: list[Any], most: int) -> list[Any]:
        """The first and the last of many values."""
        if len(values) <= most:
            return values
        self._cut = True
        return [*values[: most // 2], *values[-most // 2 :]]

    def _fits(self, value: Any) -> bool:
        """Take the room that a value needs; one that needs more is left out whole."""
        size = len(json.dumps(value, ensure_ascii=False).encode())
        if size > self._room:
            self._cut = True
            return False
        self._room -= size
        return True

    def _within(self, shown: str) -> str | None:
        """Cut text to the room that is left; None if there is none."""
        encoded = shown.encode()
        room = max(self._room, self._reserve)
        if encoded and not room:
            self._cut = True
            return None
        self._room -= min(len(encoded), self._room)
        self._reserve -= min(len(encoded), self._reserve)
        if len(encoded) <= room:
            return shown
        self._cut = True
        return encoded[:room].decode("utf-8", "ignore")
