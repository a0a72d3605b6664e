"""What a report tells, from real verdicts on real answers to lesson 01."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).parents[1]))

import class_of

from autograder.classroom.errors import GradingError
from autograder.classroom.outcome import Problem
from autograder.classroom.report import overview, page, tables
from autograder.classroom.report.mistakes import HIDDEN, groups, mistakes, needs
from autograder.classroom.report.pictures import histogram, strip
from autograder.classroom.report.statistics import discrimination, item_statistics, summary
from autograder.classroom.report.text import field, number, visible
from autograder.classroom.report.write import write_report
from autograder.classroom.similarity import Pair, Place
from autograder.classroom.standing import CellMark, Mark
from autograder.exercises import load

#: Ids and names that try to be something else.
NASTY = [
    "<script>window.pwned=1</script>",
    '"><img src=x onerror="window.pwned=1">',
    "=cmd|' /C calc'!A0",
    "abc\u202egnp.exe",
    "bell\x07and\x1b[31mred",
    "&lt;b&gt;",
]


@pytest.fixture(scope="module")
def released():
    return class_of.assignment()


@pytest.fixture(scope="module")
def small(released):
    """Four students with two mistakes, one of them twice, a pair, a stub, and one that cannot be graded."""
    outcomes = [
        class_of.outcome("ada", {"l2_normalize": "batch_axis", "normalize_grad": "no_projection"}),
        class_of.outcome("bob", {"l2_normalize": "batch_axis"}),
        class_of.outcome("eve", {"clip_loss": "two", "recall_at_k": "untouched"}),
        class_of.outcome("dan", {}),
        class_of.failed("fay"),
    ]
    return overview(outcomes, released)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_misconceptions_are_counted_with_their_words(small):
    found = {one.ids: one for one in mistakes(small)}
    batch = found[("infonce.l2_normalize:batch_axis",)]
    assert [one.student for one in batch.students] == ["ada", "bob"]
    known = load("infonce.l2_normalize").misconceptions["batch_axis"]
    assert (batch.titles, batch.says, batch.asks) == ((known.title,), (known.says,), (known.asks,))
    assert mistakes(small)[0] is not None
    assert len(mistakes(small)[0].students) == 2


def test_a_pair_counts_as_a_pair_and_for_each_of_the_two(small):
    verdict = class_of.verdicts("infonce.clip_loss")["two"]
    assert len(verdict["misconceptions"]) == 2
    found = {one.ids: [student.student for student in one.students] for one in mistakes(small)}
    pair = tuple(verdict["misconceptions"])
    assert found[pair] == found[pair[:1]] == found[pair[1:]] == ["eve"]


def test_groups_are_those_who_need_the_same_help(small):
    told = {(one.item.grade_id, one.what): one for one in groups(small)}
    batch = told["check-l2_normalize", "normalised over the batch axis"]
    assert (batch.named, batch.lost, len(batch.students)) == (True, 4.0, 2)
    assert groups(small)[0] is not None
    assert groups(small)[0].lost == max(one.lost for one in told.values())
    untried = told["check-recall_at_k", "not tried"]
    assert [one.student for one in untried.students] == ["eve"]
    assert not untried.named
    assert not any("fay" in (one.student for one in group.students) for group in groups(small))


def test_who_lost_most_comes_first(small):
    assert [one.standing.student for one in needs(small)] == ["eve", "ada", "bob"]
    assert needs(small)[0].lost == 5.0


def test_what_could_not_be_graded_is_never_a_zero(small):
    assert [one.student for one in small.failed] == ["fay"]
    assert summary(small)["least"] == 9.0
    for one in item_statistics(small):
        assert one.count == (0 if one.item.by_hand else 4)
    (row,) = [row for row in rows(tables(small)["scores.csv"]) if row["student"] == "fay"]
    assert row["score"] == ""
    assert row["check-clip_loss"] == ""
    assert row["status"] == "could not be graded"
    soup = BeautifulSoup(page(small), "html.parser")
    (cells,) = [
        tr.find_all("td") for tr in soup.select(".scores tbody tr") if tr.th.get_text(strip=True)[:3] == "fay"
    ]
    assert {cell.get_text(strip=True) for cell in cells} == {"–"}
    assert "The notebook is not JSON." in soup.select_one("#attention").get_text()


def test_part_of_a_submission_keeps_its_scores(released):
    one = class_of.outcome("ada", {})
    one.notebooks[0].grades = one.notebooks[0].grades[:2]
    one.status, one.problems = "graded with problems", [Problem(kind="crashed", text="The process ended.")]
    told = overview([one], released)
    assert told.graded[0].total == 4.0
    assert not told.graded[0].complete
    text = BeautifulSoup(page(told), "html.parser").select_one("#attention").get_text()
    assert "Part of it has no score." in text


def test_hidden_failures_are_flagged(released):
    one = class_of.outcome("ada", {})
    grade = one.notebooks[0].grades[3]
    grade.hidden_failed, grade.score = True, 1.0
    told = overview([one], released)
    assert groups(told)[0].what == HIDDEN
    text = BeautifulSoup(page(told), "html.parser").select_one("#attention").get_text()
    assert "Right on public cases, wrong on hidden ones" in text
    assert "ada: Both directions, 1 of 3 points" in text


def test_explanations_wait_until_the_gradebook_has_their_marks(released):
    outcomes = [class_of.outcome("ada", {}), class_of.outcome("bob", {})]
    place = ("infonce", "explain_ceiling")
    marks = {
        "ada": Mark("ada", 15.25, 0.5, 16.0, "Ada", "Lovelace", cells={place: CellMark(1.75, False)}),
        "bob": Mark("bob", 14.0, cells={place: CellMark(0.0, True)}),
        "zoe": Mark("zoe", None),
    }
    told = overview(outcomes, released, marks)
    assert told.absent == ["zoe"]
    by_id = {one.student: one for one in told.standings}
    assert by_id["ada"].total == 15.25
    assert by_id["ada"].entries[place].score == 1.75
    assert by_id["bob"].entries[place].waiting
    shown = page(told)
    assert "Lovelace, Ada" in shown
    assert "zoe" in BeautifulSoup(shown, "html.parser").select_one("#attention").get_text()
    statistics = {one.item.grade_id: one for one in item_statistics(told)}
    assert statistics["explain_ceiling"].waiting == 1
    assert statistics["explain_ceiling"].mean_credit == 1.75 / 2


def test_discrimination_is_the_point_biserial_correlation():
    dice = np.random.default_rng(0)
    rest = dice.normal(size=40)
    passed = rest + dice.normal(size=40) > 0
    assert discrimination(list(passed), list(rest)) == pytest.approx(np.corrcoef(passed, rest)[0, 1])


@pytest.mark.parametrize(
    ("passed", "rest"),
    [
        ([True, False] * 4, range(8)),
        ([True] * 20, range(20)),
        ([False] * 20, range(20)),
        ([True, False] * 10, [1.0] * 20),
    ],
)
def test_too_few_or_no_variance_has_no_discrimination(passed, rest):
    assert discrimination(passed, [float(one) for one in rest]) is None


def test_discrimination_leaves_the_item_itself_out(released):
    told = overview(class_of.class_of(40), released)
    for one in item_statistics(told):
        complete = [standing for standing in told.graded if standing.complete]
        own = np.array([standing.entries[one.item.place].score or 0.0 for standing in complete])
        rest = (
            np.array([sum(e.score or 0.0 for e in standing.entries.values()) for standing in complete]) - own
        )
        passed = own >= one.item.points
        if one.discrimination is not None:
            assert one.discrimination == pytest.approx(np.corrcoef(passed, rest)[0, 1])
    assert sum(one.discrimination is not None for one in item_statistics(told)) == 6


def test_everybody_is_in_the_pictures(released):
    told = overview(class_of.class_of(40), released)
    assert sum(bar.count for bar in histogram(told)) == len(told.graded)
    for _, tiles in strip(told):
        assert len(tiles) == 40
        assert sum(tile.kind == "missing" for tile in tiles) == len(told.failed)


@pytest.fixture(scope="module")
def nasty(released):
    outcomes = [class_of.outcome(name, {"l2_normalize": "batch_axis"}) for name in NASTY]
    for one, text in zip(outcomes, NASTY, strict=True):
        one.problems.append(Problem(kind="crashed", text=text, notebook=text, cell=text))
        one.status = "graded with problems"
    outcomes.append(class_of.failed("fay", NASTY[1]))
    place = Place("infonce", "clip_loss", 1.0, 0.5, 5.0, NASTY[0], NASTY[1])
    return overview(outcomes, released), [Pair(NASTY[0], NASTY[1], (place,))]


def test_what_students_control_is_escaped(nasty):
    told, similar = nasty
    shown = page(told, similar, NASTY[0])
    soup = BeautifulSoup(shown, "html.parser")
    assert not soup.find_all(["script", "img"])
    assert not [name for tag in soup.find_all(True) for name in tag.attrs if name.startswith("on")]
    for bad in "\u202e\x07\x1b":
        assert bad not in shown
    assert "⟨U+202E⟩" in shown
    text = soup.get_text()
    for name in NASTY:
        assert visible(name) in text


def test_no_field_of_a_table_is_a_formula(nasty):
    for text in tables(*nasty).values():
        for row in csv.reader(io.StringIO(text, newline="")):
            for one in row:
                assert not one.startswith(("=", "+", "@", "\t", "\r"))
                assert not one.startswith("-") or float(one) < 0


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("=1+1", "'=1+1"),
        ("+1 555", "'+1 555"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        (" =1", "' =1"),
        ("＝1", "'＝1"),
        ("-1.5", "-1.5"),
        (-1.5, "-1.5"),
        (-2, "-2"),
        ("a=b", "a=b"),
        (None, ""),
        (2.0, "2"),
        ("a\0b", "ab"),
    ],
)
def test_fields_are_neutralised_and_numbers_are_not(value, wanted):
    assert field(value) == wanted


def test_the_page_needs_nothing_else_and_can_be_heard(released):
    soup = BeautifulSoup(page(overview(class_of.class_of(40), released)), "html.parser")
    assert not soup.find_all(["script", "link", "img", "iframe"])
    assert "url(" not in str(soup.style)
    assert "@import" not in str(soup.style)
    assert soup.html["lang"] == "en"
    for header in soup.select("table th"):
        assert header["scope"] in ("col", "row")
    for picture in soup.find_all("svg"):
        assert picture["role"] == "img"
        assert len(picture["aria-label"]) > 20
    ids = [tag["id"] for tag in soup.find_all(id=True)]
    assert all(link["href"].removeprefix("#") in ids for link in soup.select("nav a"))


def test_a_report_is_written_with_its_tables(released, tmp_path):
    outcomes = class_of.class_of(12)
    path = write_report(outcomes, released, tmp_path / "report", autograded=tmp_path)
    names = {one.name for one in path.parent.iterdir()}
    assert names == {
        "report.html",
        *(
            f"{name}.csv"
            for name in ("scores", "exercises", "misconceptions", "help", "problems", "similarity")
        ),
    }
    scores = (path.parent / "scores.csv").read_bytes().decode("utf-8-sig")
    assert len(rows(scores)) == 12
    first = path.read_bytes()
    write_report(list(reversed(outcomes)), released, tmp_path / "report", autograded=tmp_path)
    assert path.read_bytes() == first


def test_a_lone_surrogate_stops_no_report(released, tmp_path):
    one = class_of.outcome("a\ud800b", {})
    assert "U+D800" in write_report([one], released, tmp_path).read_text()


def test_nothing_graded_is_said(released, tmp_path):
    with pytest.raises(GradingError, match="run `course grade 01_infonce`"):
        write_report([], released, tmp_path)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (2.0, "2"), (0.5, "0.5"), (-0.001, "0"), (-1.5, "−1.5"), (10.0, "10")]
)
def test_numbers_are_written_plainly(value, text):
    assert number(value) == text
