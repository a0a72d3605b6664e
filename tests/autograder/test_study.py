"""What a learner reads about their own progress, on a small course of three lessons."""

import sys
from types import SimpleNamespace

import pytest

from autograder import study
from autograder.exercises import registry
from autograder.progress import (
    events,
    hints_taken,
    notices,
    record_attempt,
    record_hint,
    records,
    standing,
)


def entry(exercise_id, lesson, **details):
    return {
        "id": exercise_id,
        "kind": "checked",
        "title": exercise_id.partition(".")[2].replace("_", " ").capitalize(),
        "notebook": f"{lesson}/{lesson[3:]}.ipynb",
        "minutes": 12,
        "points": 3.0,
        "stretch": False,
        "skills": [],
        "hints": ["The idea.", "A plan:\n\n- rows", "Almost the code."],
        "misconceptions": {},
        **details,
    }


MISTAKES = {"tea.brew:cold": "water not boiling", "tea.brew:bag": "two bags in one cup"}
COURSE = {
    "lessons": [
        {
            "lesson": "01_tea",
            "title": "Tea",
            "exercises": [
                entry("tea.brew", "01_tea", misconceptions=MISTAKES),
                entry("tea.why", "01_tea", kind="explained", points=2.0, hints=[]),
                entry("tea.pour", "01_tea", points=1.0, minutes=5),
                entry("tea.ceremony", "01_tea", stretch=True),
            ],
        },
        {
            "lesson": "02_cake",
            "title": "Cake",
            "exercises": [entry("cake.bake", "02_cake", hints=["Only one."])],
        },
        {
            "lesson": "08_quantization_aware",
            "title": "Jam",
            "exercises": [
                entry("jam.boil", "08_quantization_aware", stretch=True),
                entry("jam.stir", "08_jam"),
            ],
        },
    ]
}


@pytest.fixture(autouse=True)
def _course(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "index", lambda: COURSE)
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.sqlite"))
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(notices, "_said", set())
    records._unsaved.clear()
    yield
    records._unsaved.clear()


@pytest.fixture
def in_a_cell(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: object()))


@pytest.fixture
def read(capfd):
    """What was printed; nothing may reach stderr, which costs points under nbgrader."""

    def read():
        out, err = capfd.readouterr()
        assert err == ""
        return out

    return read


def solve(*ids, credit=1.0, mistake=None):
    for exercise_id in ids:
        record_attempt(exercise_id, credit, mistake, 10)


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


class TestStatus:
    def test_at_the_start(self, read):
        study.status()
        assert lines(read()) == [
            "lesson                 solved  points  min left  stretch  last mistake met",
            "01_tea                    0/2     0/4        17      0/1",
            "02_cake                   0/1     0/3        12",
            "08_quantization_aware     0/1     0/3        12      0/1",
        ]

    def test_on_the_way(self, read):
        solve("tea.brew", credit=1 / 3, mistake="tea.brew:cold+tea.brew:bag")
        solve("tea.pour", "tea.ceremony", "cake.bake")
        study.status()
        found = lines(read())
        assert found[1:-1] == [
            "01_tea                    1/2     2/4        12      1/1  water not boiling",
            "                                                          and two bags in one",
            "                                                          cup",
            "02_cake                   1/1     3/3  finished",
        ]
        assert all(len(line) <= 80 for line in found)

    def test_the_mistake_met_last_stays_after_it_is_overcome(self, read):
        solve("tea.brew", credit=0.0, mistake="tea.brew:cold")
        solve("tea.brew", credit=0.0, mistake="tea.brew:bag")
        solve("tea.brew", credit=0.0, mistake="tea.brew:gone_from_the_course")
        assert standing.lessons()[0].met == ()
        solve("tea.brew", credit=0.0, mistake="tea.brew:bag")
        solve("tea.brew")
        assert standing.lessons()[0].met == ("two bags in one cup",)

    def test_no_colour_unless_in_a_terminal(self, read, monkeypatch):
        monkeypatch.setenv("FORCE_COLOR", "1")  # as every notebook kernel sets it
        study.status()
        assert "\x1b" not in read()


class TestNext:
    def test_the_first(self, read):
        study.next_up()
        assert read() == (
            "tea.brew · Brew · about 12 minutes\n  Lesson 01_tea, Tea. Open work/01_tea/tea.ipynb\n"
        )

    def test_the_first_unsolved_one_of_the_lesson_that_one_is_in(self, read):
        solve("cake.bake", credit=0.5)
        study.next_up()
        assert read().startswith("cake.bake · Bake")

    def test_then_the_lessons_behind_it_and_the_skipped_ones_last(self, read):
        solve("cake.bake")
        study.next_up()
        assert read().startswith("jam.stir · Stir")
        solve("jam.stir")
        study.next_up()
        assert read().startswith("tea.brew · Brew")

    def test_a_hint_does_not_move_one_to_its_lesson(self, read):
        solve("tea.brew")
        record_hint("cake.bake", 1)
        study.next_up()
        assert read().startswith("tea.pour")

    def test_the_end(self, read):
        solve("tea.brew", "tea.pour", "cake.bake", "jam.stir", "jam.boil")
        study.next_up()
        assert read() == "You have solved every core exercise of the course. Stretch exercises left: 1.\n"


class TestHint:
    def test_one_after_the_other(self, read):
        study.hint("tea.brew")
        assert read() == "tea.brew · hint 1 of 3\n  The idea.\n"
        study.hint("tea.brew")
        assert read() == "tea.brew · hint 2 of 3\n  A plan:\n\n  - rows\n"
        study.hint("tea.brew")
        assert read() == (
            "tea.brew · hint 3 of 3\n  Almost the code.\n"
            "  That was the last one. `course solution tea.brew` shows a worked answer.\n"
        )
        study.hint("tea.brew")
        assert read() == (
            "You have seen all 3 hints of tea.brew; `course hint tea.brew --level 1` repeats the first.\n"
            "  `course solution tea.brew` shows a worked answer.\n"
        )
        assert [event.level for event in events()] == [1, 2, 3]

    @pytest.mark.usefixtures("in_a_cell")
    def test_in_a_cell_it_names_functions(self, read):
        for _ in range(4):
            study.hint("tea.brew")
        found = read()
        assert 'That was the last one. `course.solution("tea.brew")` shows a worked answer.' in found
        assert '; `hint("tea.brew", 1)` repeats the first.' in found

    def test_a_level_out_of_turn_and_the_last_sentence_only_once(self, read):
        study.hint("tea.brew", 3)
        study.hint("tea.brew")
        study.hint("tea.brew")
        assert hints_taken("tea.brew") == (1, 2, 3)
        assert read().count("That was the last one.") == 1
        study.hint("tea.brew", level=1)
        assert read() == "tea.brew · hint 1 of 3\n  The idea.\n"

    def test_without_a_progress_file_hints_go_on_in_this_process(self, read, monkeypatch):
        monkeypatch.setenv("COURSE_PROGRESS", "off")
        study.hint("tea.brew")
        study.hint("tea.brew")
        assert "hint 2 of 3" in read()

    @pytest.mark.parametrize("level", [0, 4, "2"])
    def test_no_such_level(self, level, read):
        study.hint("tea.brew", level)
        assert read() == f"tea.brew has hints of level 1 to 3; got {level!r}.\n"
        assert events() == []

    def test_none(self, read):
        study.hint("tea.why")
        assert read() == "tea.why has no hints.\n"

    def test_no_such_exercise(self, read):
        study.hint("tea.brwe")
        study.hint("xyz")
        study.hint(None)
        assert read() == (
            "There is no exercise 'tea.brwe'. Did you mean 'tea.brew'?\n"
            "There is no exercise 'xyz'.\nThere is no exercise None.\n"
        )


SOURCE = """# %% [markdown]
# # Tea

# %% solution="tea.brew"
def brew(water):
    '''Tea from hot water.'''
    ### BEGIN SOLUTION
    return water + "tea"
    ### END SOLUTION


# %% check="tea.brew"
check("tea.brew", brew)

# %% [markdown] solution="tea.why"
# <!-- BEGIN SOLUTION -->
# Because $x \\\\to y$.
# <!-- END SOLUTION -->
"""


class TestSolution:
    @pytest.fixture
    def solutions(self, tmp_path):
        folder = tmp_path / "solutions" / "01_tea"
        folder.mkdir(parents=True)
        (folder / "tea.py").write_text(SOURCE, encoding="utf-8")
        return folder.parent

    SHOWN = """tea.brew · a worked answer

def brew(water):
    '''Tea from hot water.'''
    return water + "tea"
"""

    def test_the_hints_come_first(self, solutions, read):
        study.solution("tea.brew", solutions)
        assert read() == (
            "tea.brew has 3 hints that you have not seen: `course hint tea.brew` shows the next one.\n"
            "  To see the answer all the same, add `--anyway`.\n"
        )
        record_hint("tea.brew", 1)
        record_hint("tea.brew", 2)
        study.solution("tea.brew", solutions)
        assert read().startswith("tea.brew has 1 hint that you have not seen:")
        assert [event.kind for event in events()] == ["hint", "hint"]

    @pytest.mark.usefixtures("in_a_cell")
    def test_in_a_cell_it_names_functions(self, solutions, read):
        study.solution("tea.brew", solutions)
        found = read()
        assert 'not seen: `hint("tea.brew")` shows the next one.' in found
        assert "add `anyway=True`." in found

    def test_after_the_hints(self, solutions, read):
        for level in (1, 2, 3):
            record_hint("tea.brew", level)
        study.solution("tea.brew", solutions)
        assert read() == self.SHOWN
        assert [event.kind for event in events()] == ["hint", "hint", "hint", "solution"]

    def test_after_passing(self, solutions, read):
        solve("tea.brew")
        study.solution("tea.brew", solutions)
        assert read() == self.SHOWN

    def test_anyway(self, solutions, read):
        study.solution("tea.brew", solutions, anyway=True)
        assert read() == self.SHOWN
        assert [event.kind for event in events()] == ["solution"]

    def test_an_explanation(self, solutions, read):
        study.solution("tea.why", solutions)
        assert read() == "tea.why · a worked answer\n\nBecause $x \\\\to y$.\n"

    def test_none(self, solutions, read):
        study.solution("cake.bake", solutions, anyway=True)
        assert read() == f"cake.bake has no worked answer in {solutions}.\n"
        assert events() == []

    def test_no_such_exercise(self, solutions, read):
        study.solution("tea.brw", solutions)
        assert read() == "There is no exercise 'tea.brw'. Did you mean 'tea.brew'?\n"


class TestAfterCheck:
    def checked(self, *ids, credit=1.0):
        for exercise_id in ids:
            solve(exercise_id, credit=credit)
            study.after_check(exercise_id)

    def test_the_lesson_is_finished_with_its_last_core_exercise(self, read):
        self.checked("tea.pour", "tea.ceremony")
        self.checked("tea.brew", credit=0.9)
        assert read() == ""
        self.checked("tea.brew")
        assert read() == (
            "You have finished this lesson: 01_tea, all 2 core exercises, 4 of 4 points.\n  Next: Cake\n"
        )

    def test_it_is_said_once(self, read):
        self.checked("tea.pour", "tea.brew")
        read()
        self.checked("tea.pour", "tea.brew", "tea.ceremony")
        self.checked("tea.brew", credit=0.5)
        assert read() == ""

    def test_what_is_left_is_named(self, read):
        self.checked("jam.stir")
        assert read() == (
            "You have finished this lesson: 08_quantization_aware, its core exercise, 3 of 3 points.\n"
            "  Next: Tea\n  Stretch exercises left: 1.\n"
        )

    def test_the_last_lesson(self, read):
        self.checked("cake.bake", "tea.brew", "jam.stir", "tea.pour")
        assert read().endswith(
            "  It was the last: you have solved every core exercise of the course. "
            "Stretch exercises left: 2.\n"
        )

    def test_the_last_lesson_with_nothing_left(self, read):
        self.checked("tea.ceremony", "jam.boil", "cake.bake", "tea.brew", "jam.stir", "tea.pour")
        assert read().endswith("  It was the last: you have solved every core exercise of the course.\n")

    def test_nothing_while_nbgrader_executes(self, read, monkeypatch):
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        self.checked("cake.bake")
        assert read() == ""

    def test_an_exercise_that_the_index_does_not_have(self, read):
        self.checked("new.one")
        assert read() == ""

    @pytest.mark.parametrize("index", ["{", '{"lessons": [{}]}', None])
    def test_a_broken_index_is_not_in_the_way(self, index, read, monkeypatch, tmp_path):
        import json

        if index is not None:
            (tmp_path / "index.json").write_text(index)
        monkeypatch.setattr(registry, "index", lambda: json.loads((tmp_path / "index.json").read_text()))
        study.after_check("tea.brew")
        assert read() == ""
