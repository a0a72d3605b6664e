"""What is handed in: wrong names, wrecks, things that are no files, and names of students."""

from __future__ import annotations

import json
import os
import shutil
import socket

import nbformat

from .attack import ALL, LESSON, NOTEBOOK, Attack, Draft
from .checks import lacks, no_private_lines, no_solutions, small
from .making import beside, instead, rework

THEME = "files"
IDS = "names of students"
NAME = f"{NOTEBOOK}.ipynb"
UNREADABLE = frozenset({"unreadable"})
MISSING = frozenset({"missing_notebook"})
REFUSED = frozenset({"refused_file", "missing_notebook", "unreadable"})
LARGE = frozenset({"too_large", "refused_file"})
GRADEBOOK = "../../../gradebook.db"


def _solved(draft: Draft) -> bytes:
    return json.dumps(draft.notebook).encode()


def _link(target: str, name: str = NAME, *, alone: bool = True) -> object:
    def change(draft: Draft) -> None:
        draft.raw = alone
        (draft.folder / name).symlink_to(draft.setting.fill(target))

    return rework(change)


def _instead_of_file(make: object) -> object:
    def change(draft: Draft) -> None:
        draft.raw = True
        make(draft.folder / NAME)  # type: ignore[operator]

    return rework(change)


def _sparse(name: str, *, alone: bool) -> object:
    def change(draft: Draft) -> None:
        draft.raw = alone
        with (draft.folder / name).open("wb") as file:
            file.truncate(100 << 30)

    return rework(change)


def _socket(draft: Draft) -> None:
    # The path of a socket may have 108 bytes only: made in a short place and moved.
    place = f"/tmp/hostile-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(place)
    shutil.move(place, draft.folder / "door")


def _folder_link(draft: Draft) -> None:
    """The student's whole folder is a link to another student's."""
    draft.raw = True
    shutil.rmtree(draft.folder)
    draft.folder.symlink_to(draft.folder.parents[1] / draft.setting.victim / LESSON)


def _many_cells(draft: Draft) -> None:
    cell = nbformat.v4.new_code_cell("1")
    draft.notebook.cells.extend([{**cell, "id": f"c{i}"} for i in range(50_000)])


def _deep(levels: int) -> object:
    def content(draft: Draft) -> bytes:
        text = json.dumps(draft.notebook)
        return text.replace(
            '"metadata": {', '"metadata": {"deep": ' + "[" * levels + "]" * levels + ", ", 1
        ).encode()

    return content


def _version_3(draft: Draft) -> bytes:
    return json.dumps(nbformat.convert(draft.notebook, 3)).encode()


def _with(**changes: object) -> object:
    return lambda draft: json.dumps({**draft.notebook, **changes}).encode()


def _text(old: str, new: str) -> object:
    return lambda draft: _solved(draft).decode().replace(old, new, 1).encode("utf-8", "surrogatepass")


def _wreck(name: str, tries: str, content: object, **more: object) -> Attack:
    return Attack(name, THEME, tries, (instead(content),), base="stubs", **{"says": UNREADABLE, **more})  # type: ignore[arg-type]


wrecks = [
    _wreck("empty_file", "a file of 0 bytes", b""),
    _wreck("blank_file", "a file of blanks", b" \n" * 1000),
    _wreck("truncated", "half of a notebook", lambda draft: _solved(draft)[: len(_solved(draft)) // 2]),
    _wreck("no_json", "a login page instead of a notebook", b"<!DOCTYPE html><html><body>Please log in</body></html>"),
    _wreck("binary_junk", "random bytes", lambda draft: os.urandom(100_000)),
    _wreck("a_list", "JSON, but a list", b"[1, 2, 3]"),
    _wreck("a_null", "JSON, but null", b"null"),
    _wreck("cells_no_list", "cells that are no list", _with(cells={"a": 1}), says=None),
    _wreck("cells_of_numbers", "cells that are numbers", _with(cells=[1, None, "x", []]), says=None),
    _wreck("no_metadata", "a notebook with metadata null", _with(metadata=None), says=None),
    _wreck("deeply_nested", "200,000 opening brackets", b"[" * 200_000),
    _wreck("deep_metadata", "a valid notebook whose metadata nest 50,000 deep", _deep(50_000), says=None),
    _wreck("a_little_deep", "a valid notebook whose metadata nest 900 deep", _deep(900), says=None),
    _wreck("huge_number", "a number of a million digits", _text('"nbformat_minor": 5', '"nbformat_minor": 1' + "0" * 1_000_000), says=None),
    _wreck("version_99", "a notebook of version 99", _with(nbformat=99), says=None),
    _wreck("version_text", "a notebook whose version is a text", _with(nbformat="4", nbformat_minor="x"), says=None),
    _wreck("utf_16", "a notebook in UTF-16", lambda draft: _solved(draft).decode().encode("utf-16"), says=None),
    _wreck("byte_order_mark", "a notebook with a byte order mark", lambda draft: b"\xef\xbb\xbf" + _solved(draft), says=None),
    _wreck("half_a_pair", "half a surrogate pair in a cell", _text('"source": "', '"source": "\\ud800'), says=None),
    _wreck("not_a_number", "NaN and Infinity in metadata", _text('"metadata": {', '"metadata": {"x": NaN, "y": -Infinity, '), says=None),
    Attack("version_3", THEME, "a solved notebook in format 3", (instead(_version_3),), says=None),
    Attack("many_cells", THEME, "50,000 more cells", (rework(_many_cells),), says=None),
    Attack("large_file", THEME, "a notebook of 300 MB", (instead(lambda draft: _solved(draft)[:-1] + b" " * 300_000_000 + b"}"),), says=frozenset({"too_large"}), harmless_to_stock=False),
]  # fmt: skip

things = [
    Attack("wrong_name", THEME, "another name for the notebook", (instead(_solved, "Infonce (final).ipynb"),), says=frozenset({"missing_notebook", "unknown_notebook"})),
    Attack("wrong_case", THEME, "the name in other letters", (instead(_solved, "INFONCE.IPYNB"),), says=frozenset({"missing_notebook", "unknown_notebook"})),
    Attack("second_copy", THEME, "another notebook beside", (beside("infonce (1).ipynb", b"{}"),), keeps=ALL, says=frozenset({"unknown_notebook", "refused_file"})),
    Attack("missing_notebook", THEME, "no notebook, only a file", (instead(b"x = 1\n", "helper.py"),), base="stubs", says=MISSING),
    Attack("empty_folder", THEME, "an empty folder", (rework(lambda draft: setattr(draft, "raw", True)),), base="stubs", says=MISSING),
    Attack("fifo", THEME, "a FIFO instead of the notebook", (_instead_of_file(os.mkfifo),), base="stubs", says=REFUSED),
    Attack("fifo_beside", THEME, "a FIFO beside the notebook", (rework(lambda draft: os.mkfifo(draft.folder / "data.csv")),), keeps=ALL, says=None),
    Attack("socket_beside", THEME, "a socket beside the notebook", (rework(_socket),), keeps=ALL, says=None),
    Attack("folder_as_notebook", THEME, "a folder with the notebook's name", (_instead_of_file(os.mkdir),), base="stubs", says=REFUSED),
    Attack("gradebook_as_notebook", THEME, "the notebook is a link to the gradebook", (_link(GRADEBOOK),), base="stubs", says=REFUSED),
    Attack("gradebook_beside", THEME, "a link to the gradebook beside the notebook", (_link(GRADEBOOK, "data.bin", alone=False),), keeps=ALL, says=None, checks=(lacks("SQLite format 3", "the gradebook"),)),
    Attack("solution_as_notebook", THEME, "the notebook is a link to the instructor's", (_link(f"../../../../solutions/{LESSON}/{NAME}"),), base="stubs", says=REFUSED, checks=(no_solutions,)),
    Attack("neighbour_as_notebook", THEME, "the notebook is a link to another student's", (_link(f"../../@victim@/{LESSON}/{NAME}"),), base="stubs", says=REFUSED, checks=(no_private_lines,)),
    Attack("neighbour_as_folder", THEME, "the folder is a link to another student's", (rework(_folder_link),), base="stubs", says=REFUSED, checks=(no_private_lines,)),
    Attack("zeros_as_notebook", THEME, "the notebook is a link to /dev/zero", (_link("/dev/zero"),), base="stubs", says=REFUSED, harmless_to_stock=False),
    Attack("passwords_beside", THEME, "a link to /etc/passwd beside the notebook", (_link("/etc/passwd", "accounts.txt", alone=False),), keeps=ALL, says=None, checks=(lacks("root:x:0:0", "/etc/passwd"),)),
    Attack("link_to_itself", THEME, "a link that leads to itself", (_link(NAME),), base="stubs", says=REFUSED),
    Attack("link_to_root", THEME, "a folder beside that is a link to /", (_link("/", "everything", alone=False),), keeps=ALL, says=None, not_for_stock="it would walk through, and perhaps copy, the whole machine"),
    Attack("sparse_notebook", THEME, "a sparse file of 100 GB as notebook", (_sparse(NAME, alone=True),), base="stubs", says=LARGE, harmless_to_stock=False),
    Attack("sparse_beside", THEME, "a sparse file of 100 GB beside the notebook", (_sparse("data.bin", alone=False),), keeps=ALL, says=LARGE, harmless_to_stock=False),
    Attack("many_beside", THEME, "5,000 files beside the notebook", (rework(lambda draft: [(draft.folder / f"{i}.txt").write_text("x") for i in range(5000)]),), says=None, harmless_to_stock=False),
    Attack("deep_beside", THEME, "folders 150 deep beside the notebook", (beside("d/" * 150 + "x.txt", b"x"),), says=None),
    Attack("name_no_text", THEME, "a file beside whose name is no UTF-8", (beside(b"caf\xe9-\xff.py", b"x = 1\n"),), keeps=ALL, says=None),
    Attack("name_with_line_break", THEME, "a file beside whose name has a line break and markup", (beside("a\n<img src=x onerror=pwned()>.py", b"x = 1\n"),), keeps=ALL, says=None),
    Attack("time_no_time", THEME, "a time of submission that is none", (beside("timestamp.txt", "yesterday, I swear"),), keeps=ALL, says=None),
    Attack("time_huge", THEME, "a time of submission of 20 MB", (beside("timestamp.txt", b"2" * 20_000_000),), keeps=ALL, says=None, checks=(small(30_000_000),)),
]  # fmt: skip


def _named(name: str, tries: str, student: str) -> Attack:
    return Attack(name, IDS, tries, (), keeps=ALL, says=None, student=student)


def _unfit(name: str, tries: str, student: str) -> Attack:
    """A name that no gradebook takes: nothing is graded, and somebody has to be told."""
    return Attack(name, IDS, tries, (), says=frozenset({"unreadable"}), student=student)


names = [
    _named("id_formula", "=cmd as a name", "=cmd|' !A0"),
    _named("id_plus", "+1 as a name", "+1+cmd"),
    _named("id_minus", "-rf as a name", "-rf"),
    _named("id_at", "@SUM as a name", "@SUM(1,1)"),
    _unfit("id_climbs", "..\\x as a name", "..\\..\\x"),
    _unfit("id_dots", "...x as a name", "...x"),
    _unfit("id_markup", "markup as a name", "<img src=x onerror=pwned()>"),
    _unfit("id_script", "the end of formgrader's string in a name", '"; pwned(); "'),
    _unfit("id_line_break", "a line break in a name", "new\nline,1,2"),
    _named("id_sql", "SQL as a name", "x'); DROP TABLE grade;--"),
    _named("id_star", "a star and brackets in a name", "[a-z]*"),
    _named("id_format", "a format as a name", "{student_id}%s{0}"),
    _unfit("id_unicode", "letters that run backwards", "anna\u202exyz\u0301"),
    _unfit("id_long", "a name of 200 characters", "n" * 200),
    _named("id_mail", "an address as a name", "a.b+c@example.org"),
]

attacks = [*wrecks, *things, *names]
