"""What is read of a submission, and what is refused; every hostile file here is a real one."""

from __future__ import annotations

import os
import re
import resource
import socket
import sys
import time
from pathlib import Path

import pytest
from nbgrader.server_extensions import formgrader

from autograder.classroom import tree
from autograder.classroom.releases import read_assignment
from autograder.classroom.submissions import Folders, find, folders, read, unfit
from autograder.classroom.tree import Limits, read_tree

pytestmark = pytest.mark.nbgrader


@pytest.fixture
def above(tmp_path):
    """An empty folder of submissions."""
    (tmp_path / "submitted").mkdir()
    return tmp_path / "submitted"


@pytest.fixture
def hand_in(above):
    """Make a student's folder with these files."""

    def make(student="ada", **files):
        folder = above / student / "01_infonce"
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder

    return make


def kinds(submission):
    return {(problem.kind, problem.notebook) for problem in submission.problems}


def told(submission):
    return "\n".join(problem.text for problem in submission.problems)


def test_a_usual_submission(hand_in, infonce, raw):
    folder = hand_in(
        **{"infonce.ipynb": raw, "helper.py": b"x = 1", "timestamp.txt": b"2026-02-03 10:00:00 UTC\n"}
    )
    (folder / "data").mkdir()
    (folder / "data" / "numbers.bin").write_bytes(bytes(range(256)))
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "infonce-checkpoint.ipynb").write_bytes(raw)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "helper.cpython-311.pyc").write_bytes(b"\0")
    submission = read(folder, "ada", infonce)
    assert submission.problems == []
    assert submission.timestamp == "2026-02-03 10:00:00 UTC"
    assert sorted(submission.files) == ["data/numbers.bin", "helper.py", "infonce.ipynb", "timestamp.txt"]
    assert submission.files["infonce.ipynb"] == raw
    assert (submission.student, submission.assignment) == ("ada", "01_infonce")


def test_the_digest_follows_from_names_and_contents_alone(hand_in, infonce, raw):
    def digest(student, **files):
        return read(hand_in(student, **files), student, infonce).digest

    one = digest("a", **{"infonce.ipynb": raw, "x.py": b"12"})
    assert digest("b", **{"x.py": b"12", "infonce.ipynb": raw}) == one
    others = [
        digest("c", **{"infonce.ipynb": raw, "x.py": b"13"}),
        digest("d", **{"infonce.ipynb": raw, "y.py": b"12"}),
        digest("e", **{"infonce.ipynb": raw}),
        digest("f", **{"infonce.ipynb": raw + b" ", "x.py": b"12"}),
    ]
    assert len({one, *others}) == 5


def test_students_are_found_whatever_their_folder_holds(course, raw):
    place = folders(course, "01_infonce")
    assert place.above == course / "classroom" / "submitted"
    assert "infonce.py" in place.ignored
    assert place.students() == []
    try:
        for name in ("ada", "=cmd", "new\nline", os.fsdecode(b"\xff"), ".dot"):
            (place.above / name / "01_infonce").mkdir(parents=True)
        (place.above / "other" / "02_temperature").mkdir(parents=True)
        (place.above / "file").mkdir()
        (place.above / "file" / "01_infonce").write_bytes(b"")
        (place.above / "dangling").mkdir()
        (place.above / "dangling" / "01_infonce").symlink_to("nowhere")
        (place.above / "README").write_bytes(b"")
        expected = {"ada", "=cmd", "new\nline", os.fsdecode(b"\xff"), ".dot", "file", "dangling"}
        assert set(find(course, "01_infonce")) == expected
    finally:
        for path in sorted(place.above.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        place.above.rmdir()


def test_a_folder_that_may_not_be_looked_into_is_found(above, hand_in, infonce, monkeypatch):
    hand_in("ada")
    hand_in("eve")
    lstat = os.lstat

    def forbidding(path, **options):
        if "eve" in str(path):
            raise PermissionError(13, "Permission denied")
        return lstat(path, **options)

    monkeypatch.setattr(os, "lstat", forbidding)
    assert Folders("01_infonce", above, "01_infonce").students() == ["ada", "eve"]


def test_nbgraders_settings_of_folders_are_followed(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.CourseDirectory.directory_structure = '{nbgrader_step}/{assignment_id}/by/{student_id}/here'\n"
        "c.CourseDirectory.student_id_exclude = 'eve,mallory'\n"
    )
    for student in ("ada", "eve"):
        (tmp_path / "submitted" / "ps1" / "by" / student / "here").mkdir(parents=True)
    assert find(tmp_path, "ps1") == ["ada"]
    assert folders(tmp_path, "ps1").folder("ada") == tmp_path / "submitted/ps1/by/ada/here"
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.directory_structure = '{nbgrader_step}/{assignment_id}_{student_id}'\n"
    )
    with pytest.raises(LookupError, match="must give each student a folder"):
        find(tmp_path, "ps1")


def test_what_the_course_ignores_is_not_read(hand_in, above, infonce, raw):
    hand_in(**{"infonce.ipynb": raw, "infonce.py": b"shadow", "mine.py": b""})
    place = Folders("01_infonce", above, "01_infonce", ignored=("infonce.py",))
    assert sorted(place.read("ada", infonce).files) == ["infonce.ipynb", "mine.py"]


@pytest.mark.parametrize(
    "student", ["ada", "=cmd|' -C calc'!A0", "@x", "-1", "o'brien@example.org", "Ω é", "a,b", "x" * 128]
)
def test_an_awkward_id_is_an_id(student):
    assert unfit(student) is None


@pytest.mark.parametrize(
    ("student", "why"),
    [
        ("../x", "no slashes"),
        ("..", "a dot first"),
        (".hidden", "a dot first"),
        ("", "begins or ends"),
        (" ada", "begins or ends"),
        ("ada ", "begins or ends"),
        ("a\nb", "printable"),
        ("a\x1b[31mb", "printable"),
        ("a\u202eb", "printable"),
        ("a\u2028b", "printable"),
        (os.fsdecode(b"a\xff"), "printable"),
        ("a\\nb", "no slashes"),
        ("<b>", "formgrader would take for a part of its pages"),
        ('a"; run()', "formgrader"),
        ("a&lt;b", "formgrader"),
        ("a>b", "formgrader"),
        ("x" * 129, "128 characters"),
    ],
)
def test_an_unfit_id_is_refused_with_a_sentence(above, infonce, student, why):
    submission = read(above / "unused" / "01_infonce", student, infonce)
    assert [problem.kind for problem in submission.problems] == ["unreadable"]
    assert why in told(submission)
    assert "Rename the folder" in told(submission)
    assert submission.files == {}
    for text in (submission.student, told(submission)):
        assert text.isprintable()
        text.encode()
    assert not set(submission.student) & set('<>&"')


def test_formgrader_puts_an_id_between_double_quotes_or_tags_only():
    """So an apostrophe, which people have in their names, can do nothing there."""
    pages = Path(formgrader.__file__).parent / "templates"
    uses = [
        text[max(0, found.start() - 80) : found.start()].rpartition("\n")[2]
        for page in pages.rglob("*.*")
        for text in [page.read_text(encoding="utf-8")]
        for found in re.finditer(r"\{\{ *(student_id|resources\.student)\b", text)
    ]
    assert len(uses) >= 5
    assert not [line for line in uses if "'" in line]


def test_a_refused_name_is_never_that_of_another_student(above, infonce):
    names = ["a\nb", "a\\nb", "a\\\\nb", os.fsdecode(b"\xff"), "\\udcff", "<b>", "\\x3cb\\x3e"]
    shown = [read(above / "x" / "01_infonce", name, infonce).student for name in names]
    assert len(set(shown)) == len(names)
    assert all(unfit(name) for name in shown)


def bind(path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))  # the file stays when it is closed


HOSTILE = {
    "fifo": os.mkfifo,
    "socket": bind,
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "dangling": lambda path: path.symlink_to("nowhere"),
    "folder link": lambda path: path.symlink_to("/etc"),
    "device": lambda path: os.mknod(path, 0o20666, os.makedev(1, 5)),  # /dev/zero
}


@pytest.fixture(params=HOSTILE)
def hostile(request, monkeypatch, tmp_path):
    if request.param == "device" and os.geteuid() != 0:
        pytest.skip("only root can make a device")

    def make(path):
        monkeypatch.chdir(path.parent)  # the name of a socket has at most 108 bytes
        HOSTILE[request.param](type(path)(path.name))

    return make


def test_what_is_no_file_is_named_and_left_out(hand_in, infonce, raw, hostile):
    folder = hand_in(**{"infonce.ipynb": raw, "helper.py": b""})
    hostile(folder / "odd")
    submission = read(folder, "ada", infonce)
    assert kinds(submission) == {("refused_file", None)}
    assert submission.problems[0].note
    assert "odd was not read: it is a" in told(submission)
    assert sorted(submission.files) == ["helper.py", "infonce.ipynb"]


def test_a_notebook_that_is_no_file_cannot_be_read(hand_in, infonce, hostile):
    folder = hand_in(**{"helper.py": b""})
    hostile(folder / "infonce.ipynb")
    submission = read(folder, "ada", infonce)
    assert kinds(submission) == {("unreadable", "infonce")}
    assert sorted(submission.files) == ["helper.py"]


def test_a_link_to_the_gradebook_is_not_followed(hand_in, infonce, raw, course):
    folder = hand_in(**{"infonce.ipynb": raw})
    (folder / "grades.db").symlink_to(course / "classroom" / "gradebook.db")
    (folder / "classroom").symlink_to(course / "classroom")
    submission = read(folder, "ada", infonce)
    assert sorted(submission.files) == ["infonce.ipynb"]
    assert told(submission).count("symbolic link") == 2


@pytest.mark.parametrize("linked", ["student", "assignment"])
def test_a_folder_that_is_a_link_is_not_followed(above, hand_in, infonce, raw, linked):
    real = hand_in("real", **{"infonce.ipynb": raw})
    if linked == "student":
        (above / "eve").symlink_to(above / "real")
    else:
        (above / "eve").mkdir()
        (above / "eve" / "01_infonce").symlink_to(real)
    submission = read(above / "eve" / "01_infonce", "eve", infonce)
    assert kinds(submission) == {("unreadable", None)}
    assert "or is a link" in told(submission)
    assert submission.files == {}


def test_links_above_the_students_are_the_instructors(tmp_path, above, hand_in, infonce, raw):
    hand_in(**{"infonce.ipynb": raw})
    (tmp_path / "elsewhere").symlink_to(above)
    assert read(tmp_path / "elsewhere" / "ada" / "01_infonce", "ada", infonce).problems == []


def test_a_student_named_like_a_folder_above(tmp_path, infonce, raw):
    folder = tmp_path / "ada" / "submitted" / "ada" / "01_infonce"
    folder.mkdir(parents=True)
    (folder / "infonce.ipynb").write_bytes(raw)
    assert read(folder, "ada", infonce).problems == []


def test_a_sparse_file_of_100_gb_costs_nothing(hand_in, infonce, raw):
    folder = hand_in(**{"infonce.ipynb": raw})
    try:
        with (folder / "big").open("wb") as file:
            file.truncate(100 << 30)
    except OSError:
        pytest.skip("this file system has no sparse files of this size")
    peak, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    submission = read(folder, "ada", infonce)
    assert time.perf_counter() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 50_000  # kilobytes
    assert kinds(submission) == {("too_large", None)}
    assert "107,374,182,400 bytes" in told(submission)
    assert sorted(submission.files) == ["infonce.ipynb"]


def test_a_notebook_that_is_too_large(hand_in, infonce):
    folder = hand_in()
    with (folder / "infonce.ipynb").open("wb") as file:
        file.truncate(21 << 20)
    assert kinds(read(folder, "ada", infonce)) == {("too_large", "infonce")}


def test_many_files_leave_the_notebook_in(hand_in, infonce, raw):
    folder = hand_in(**{"infonce.ipynb": raw})
    for number in range(50):
        (folder / f"a{number:03}").write_bytes(b"12345")
    submission = read(folder, "ada", infonce, limits=Limits(files=20))
    assert submission.files["infonce.ipynb"] == raw
    assert len(submission.files) <= 21
    assert "more than 20 files" in told(submission)
    submission = read(folder, "ada", infonce, limits=Limits(bytes=len(raw) + 12))
    assert sorted(submission.files) == ["a000", "a001", "infonce.ipynb"]
    assert {problem.kind for problem in submission.problems} == {"too_large"}
    assert "of a submission" in told(submission)


def test_one_limit_for_all_folders_together(hand_in, infonce, raw):
    folder = hand_in(**{"infonce.ipynb": raw})
    for number in range(10):
        (folder / f"d{number}").mkdir()
        for inner in range(10):
            (folder / f"d{number}" / f"{inner}").write_bytes(b"")
    submission = read(folder, "ada", infonce, limits=Limits(files=40))
    assert len(submission.files) < 40


def test_deep_folders_end(hand_in, infonce, raw):
    inner = folder = hand_in(**{"infonce.ipynb": raw})
    for _ in range(sys.getrecursionlimit() // 20):
        inner = inner / "d"
        inner.mkdir()
    (inner / "file").write_bytes(b"")
    (folder / "d" / "near").write_bytes(b"")
    submission = read(folder, "ada", infonce)
    assert sorted(submission.files) == ["d/near", "infonce.ipynb"]
    assert "more than 8 folders deep" in told(submission)


def test_names_that_are_no_text(hand_in, infonce, raw):
    folder = hand_in(**{"infonce.ipynb": raw, "new\nline": b"", os.fsdecode(b"\xff"): b"", "über.py": b""})
    submission = read(folder, "ada", infonce)
    assert sorted(submission.files) == ["infonce.ipynb", "über.py"]
    assert len(submission.problems) == 2
    assert all(problem.text.isprintable() for problem in submission.problems)


def test_what_may_not_be_read(hand_in, infonce, raw):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    folder = hand_in(**{"infonce.ipynb": raw, "locked": b""})
    (folder / "locked").chmod(0)
    assert "locked was not read: it cannot be read (Permission denied)" in told(read(folder, "ada", infonce))


@pytest.mark.parametrize("become", ["fifo", "link", "larger"])
def test_a_file_exchanged_between_looking_and_opening(hand_in, infonce, raw, monkeypatch, become):
    """What counts is the second look, at the open file."""
    folder = hand_in(**{"infonce.ipynb": raw, "x": b"1"})
    need_file = tree._need_file

    def look_then_exchange(status):
        need_file(status)
        if status.st_size == 1:
            (folder / "x").unlink()
            if become == "fifo":
                os.mkfifo(folder / "x")
            elif become == "link":
                (folder / "x").symlink_to("/etc/hostname")
            else:
                (folder / "x").write_bytes(bytes(1000))

    monkeypatch.setattr(tree, "_need_file", look_then_exchange)
    submission = read(folder, "ada", infonce, limits=Limits(bytes=len(raw) + 100))
    assert sorted(submission.files) == ["infonce.ipynb"]
    assert "x was not read" in told(submission)


@pytest.mark.parametrize(
    "text", [b"", b"yesterday-ish", b"\xff\xfe", b"9" * 5000, b"2026-99-99 10:00:00 UTC", b"\0"]
)
def test_a_garbled_timestamp_is_left_out_and_said(hand_in, infonce, raw, text):
    folder = hand_in(**{"infonce.ipynb": raw, "timestamp.txt": text})
    submission = read(folder, "ada", infonce)
    assert submission.timestamp is None
    assert "timestamp.txt" not in submission.files
    assert kinds(submission) == {("refused_file", None)}
    assert "counts as undated" in told(submission)


def test_no_timestamp_is_no_problem(hand_in, infonce, raw):
    submission = read(hand_in(**{"infonce.ipynb": raw}), "ada", infonce)
    assert (submission.timestamp, submission.problems) == (None, [])


@pytest.mark.parametrize(
    "name", ["Infonce.ipynb", "infonce (1).ipynb", "infonce-Copy1.ipynb", "ada_final.IPYNB"]
)
def test_a_notebook_under_another_name_is_graded_and_said(hand_in, infonce, raw, name):
    submission = read(hand_in(**{name: raw}), "ada", infonce)
    assert submission.files == {"infonce.ipynb": raw}
    assert kinds(submission) == {("unknown_notebook", "infonce")}
    assert told(submission).startswith(f"{name} was graded as infonce.ipynb")


def test_a_notebook_in_a_folder_of_its_own_is_found(hand_in, infonce, raw):
    folder = hand_in()
    (folder / "01_infonce").mkdir()
    (folder / "01_infonce" / "infonce.ipynb").write_bytes(raw)
    submission = read(folder, "ada", infonce)
    assert submission.files == {"infonce.ipynb": raw}
    assert kinds(submission) == {("unknown_notebook", "infonce")}


def test_two_that_could_be_it_are_left_to_a_person(hand_in, infonce, raw):
    submission = read(hand_in(**{"a.ipynb": raw, "b.ipynb": raw}), "ada", infonce)
    assert submission.files == {}
    assert ("missing_notebook", "infonce") in kinds(submission)
    assert "a.ipynb, b.ipynb could each be it" in told(submission)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n", b'{"cells": []}', b"[" * 100_000, b"not json"])
def test_another_notebook_is_not_taken_for_it(hand_in, infonce, content):
    submission = read(hand_in(**{"other.ipynb": content}), "ada", infonce)
    assert submission.files == {}
    assert kinds(submission) == {("missing_notebook", "infonce"), ("refused_file", None)}


def test_the_right_name_goes_before_every_other(hand_in, infonce, raw):
    submission = read(hand_in(**{"infonce.ipynb": b"{}", "infonce (1).ipynb": raw}), "ada", infonce)
    assert submission.files == {"infonce.ipynb": b"{}"}
    assert kinds(submission) == {("refused_file", None)}
    assert "infonce (1).ipynb is not a notebook of this assignment" in told(submission)


def test_of_two_notebooks_each_is_recognised_by_its_cells(course, hand_in):
    assignment = read_assignment(course, "07_post_training")
    contents = {
        notebook.name: (course / "notebooks" / assignment.name / f"{notebook.name}.ipynb").read_bytes()
        for notebook in assignment.notebooks
    }
    folder = hand_in(**{"one.ipynb": contents["post_training"], "two.ipynb": contents["gptq_awq"]})
    submission = read(folder, "ada", assignment)
    assert submission.files == {f"{name}.ipynb": content for name, content in contents.items()}
    folder = hand_in(
        "bob", **{"one.ipynb": contents["post_training"], "gptq_awq.ipynb": contents["gptq_awq"]}
    )
    assert kinds(read(folder, "bob", assignment)) == {("unknown_notebook", "post_training")}
    folder = hand_in("eve", **{"gptq_awq.ipynb": contents["gptq_awq"]})
    assert kinds(read(folder, "eve", assignment)) == {("missing_notebook", "post_training")}


def test_an_empty_folder_has_no_notebook(hand_in, infonce):
    submission = read(hand_in(), "ada", infonce)
    assert kinds(submission) == {("missing_notebook", "infonce")}
    assert submission.files == {}


def test_a_folder_that_leads_out_is_not_opened(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(NotADirectoryError, match="leads out"):
        read_tree(tmp_path / "in" / ".." / "..", trusted=tmp_path / "in")


def test_no_descriptor_stays_open(hand_in, infonce, raw):
    folder = hand_in(**{"infonce.ipynb": raw})
    os.mkfifo(folder / "fifo")
    (folder / "d").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read(folder, "ada", infonce)
    assert len(os.listdir("/proc/self/fd")) == before
