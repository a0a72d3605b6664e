"""Read a folder that somebody else filled: regular files only, within limits, never through a link."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

#: Not through a link, and without waiting for the other end of a FIFO.
_SAFELY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = _SAFELY | os.O_DIRECTORY

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


@dataclass(frozen=True)
class Limits:
    """What is read of one folder.

    Parameters
    ----------
    file_bytes, bytes : int
        Of each file, and of all together.
    files : int
        How many files and folders are looked at.
    depth : int
        How many folders deep.
    """

    file_bytes: int = 20 << 20
    bytes: int = 100 << 20
    files: int = 2000
    depth: int = 8


LIMITS = Limits()


@dataclass(frozen=True)
class Refusal:
    """What was not read, and why: a sentence about `path`."""

    path: str
    why: Literal["kind", "size", "other"]
    text: str


@dataclass
class Tree:
    """What was read, by path relative to the folder with ``/`` between names, and what was not."""

    files: dict[str, bytes] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


def read_tree(
    folder: Path,
    *,
    trusted: Path,
    first: Sequence[str] = (),
    ignored: Callable[[str], bool] = lambda name: False,
    limits: Limits = LIMITS,
) -> Tree:
    """Read the regular files of a folder.

    Every name below `trusted` is opened relative to its parent and not through a link, so that nothing
    outside the folder is read even if it is changed meanwhile. What a file is and how long comes first:
    a sparse file of 100 GB costs nothing.

    Parameters
    ----------
    folder : Path
        Must lie below `trusted`.
    trusted : Path
        A folder of ours. It may itself be reached through links.
    first : sequence of str
        Names read before all others, so that no mass of other files leaves them out.
    ignored : callable
        Whether files and folders of this name are passed over in silence.

    Raises
    ------
    OSError
        If `folder` cannot be opened, or is not a folder.
    """
    reader = _Reader(frozenset(first), ignored, limits)
    descriptor = _open_folder(folder, trusted)
    try:
        for name in first:
            if _exists(descriptor, name):
                reader.take(descriptor, name, name)
        reader.walk(descriptor, "", limits.depth)
    finally:
        os.close(descriptor)
    return reader.tree


def printable(name: str) -> str:
    """The name with control, format and undecodable characters written as escapes."""
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode("ascii") for c in name)


def _harmless(character: str) -> bool:
    # Cc and Cf break lines and reorder text in reports, Cs cannot be written as UTF-8.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _open_folder(folder: Path, trusted: Path) -> int:
    descriptor = os.open(trusted, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in folder.relative_to(trusted).parts:
        try:
            if name == os.pardir:
                raise NotADirectoryError(f"{folder} leads out of {trusted}")
            inner = os.open(name, _FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def _exists(descriptor: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return False
    return True


class _Reader:
    """Fills a tree, and counts what is left of the limits."""

    def __init__(self, first: frozenset[str], ignored: Callable[[str], bool], limits: Limits) -> None:
        self.tree = Tree()
        self._first, self._ignored, self._limits = first, ignored, limits
        self._entries, self._bytes = limits.files, limits.bytes

    def walk(self, descriptor: int, prefix: str, depth: int) -> None:
        """Read what lies in an open folder, in the order of names."""
        for name in sorted(self._names(descriptor, prefix)):
            path = f"{prefix}{name}"
            if self._ignored(name) or (not prefix and name in self._first):
                continue
            if printable(name) != name:
                self._refuse(path, "other", "its name has characters that are not text")
                continue
            try:
                inner = os.open(name, _FOLDER, dir_fd=descriptor)
            except PermissionError as error:
                self._refuse(path, "other", f"it cannot be read ({error.strerror})")
                continue
            except OSError:  # not a folder, or a link to one
                self.take(descriptor, name, path)
                continue
            try:
                if depth > 1:
                    self.walk(inner, f"{path}/", depth - 1)
                else:
                    self._refuse(path, "other", f"it lies more than {self._limits.depth} folders deep")
            finally:
                os.close(inner)

    def take(self, descriptor: int, name: str, path: str) -> None:
        """Read one file, or say why not."""
        room = min(self._limits.file_bytes, self._bytes)
        try:
            content = _read(descriptor, name, room)
        except OSError as error:
            self._refuse(path, "other", f"it cannot be read ({error.strerror})")
        except _NotAFile as error:
            self._refuse(path, "kind", f"it is {error}")
        except _TooLarge as error:
            whole = room < self._limits.file_bytes
            limit, of = (self._limits.bytes, "submission") if whole else (room, "file")
            self._refuse(path, "size", f"it has {error} bytes, and at most {limit:,} are read of a {of}")
        else:
            self.tree.files[path] = content
            self._bytes -= len(content)

    def _names(self, descriptor: int, prefix: str) -> Iterator[str]:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if not self._entries:
                    text = f"there are more than {self._limits.files:,} files, and the rest was left out"
                    self._refuse(prefix or ".", "other", text)
                    return
                self._entries -= 1
                yield entry.name

    def _refuse(self, path: str, why: Literal["kind", "size", "other"], text: str) -> None:
        self.tree.refusals.append(Refusal(printable(path), why, text))


class _NotAFile(Exception):
    """Something else than a regular file."""


class _TooLarge(Exception):
    """More bytes than there is room for."""


def _read(descriptor: int, name: str, room: int) -> bytes:
    # Looked at before it is opened, because opening a device can do something; and again afterwards, because
    # it may have been exchanged.
    _need_file(os.stat(name, dir_fd=descriptor, follow_symlinks=False))
    file = os.open(name, _SAFELY, dir_fd=descriptor)
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(file)
        _need_file(status)
        if status.st_size > room:
            raise _TooLarge(f"{status.st_size:,}")
        content = opened.read(room + 1)  # it may grow while it is read
    if len(content) > room:
        raise _TooLarge(f"more than {room:,}")
    return content


def _need_file(status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise _NotAFile(_KINDS.get(kind, "not a regular file"))
