"""The linter: a good lesson passes, and each mistake is told in one sentence that names its cell."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from autograder.exercises import explanation, load, prediction
from autograder.notebooks import rules
from autograder.notebooks.lint import lint
from autograder.notebooks.rules import (
    EXERCISE_RULES,
    NAME_RULES,
    RELEASE_RULES,
    TEXT_RULES,
    Lesson,
    asked_once,
)

ROOT = Path(__file__).resolve().parents[3]


def findings(lesson: Lesson) -> list[str]:
    """What the rules on sources find."""
    rules = (*EXERCISE_RULES, *NAME_RULES, *TEXT_RULES)
    return [sentence for rule in rules for sentence in lesson.say(rule(lesson))]


def test_a_good_lesson_has_no_findings(released):
    assert findings(released) == []
    assert [text for rule in RELEASE_RULES for text in released.say_of_release(rule(released))] == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'check("infonce.clip_loss", clip_loss)',
            'check("infonce.clip_loss", clip_loss);',
            "cell 4 (check-clip_loss",
        ),
        ('check("infonce.clip_loss", clip_loss)', "1.0", 'exactly `check("infonce.clip_loss", clip_loss)`'),
        ("def clip_loss(", "def the_loss(", "it should define `clip_loss`."),
        (
            "image_features, text_features, logit",
            "images, texts, logit",
            "takes (images, texts, logit_s",
        ),
        (
            "## Both directions",
            "## The loss",
            "no heading above it holds the exercise's title",
        ),
        ("    ### BEGIN SOLUTION\n", "", "should come in pairs"),
        ("    ### END SOLUTION\n", "    ### BEGIN SOLUTION\n", "should come in pairs"),
        ("# %%\ntotal =", '# %% tags=["experiment"]\n### BEGIN SOLUTION\ntotal =', "should come in pairs"),
        ("total = [x for", "total = [measured for", "it uses `measured`, which only cell 5, an exp"),
        ("# %%\ntotal =", "# %%\ndef f():\n    return measured\ntotal =", "it uses `measured`"),
        ("# %%\ntotal =", "# %%\nclip_loss(1, 2, 3)\ntotal =", "the learner's own `clip_loss` (cell 3)"),
        (
            "# %%\ntotal =",
            "# %%\nexperiments.f(clip_loss)\ntotal =",  # not an experiment: it runs when a class is graded
            "the learner's own `clip_loss` (cell 3)",
        ),
        (
            "# %%\ntotal =",
            '# %% tags=["experiment"]\nclip_loss(1, experiments.f(clip_loss), 3)\n# %%\ntotal =',
            "the learner's own `clip_loss` (cell 3)",
        ),
        (
            '# %% check="infonce.clip_loss"',
            '# %% tags=["experiment"] check="infonce.clip_loss"',
            "grading would skip",
        ),
        ("# ## Explain it", "# # Explain it", "'Explain it' is a second title"),
        ("# ## Explain it", "# #### Explain it", "heading 'Explain it' has level 4 below level 2."),
        ("# # A lesson\n#\n# ## Both", "# ## Both", "level 2 below no title"),
        ("total =", "show(figure)\ntotal =", "show(...) needs alt="),
        ("total =", 'show(figure, alt=" ")\ntotal =', "show(...) needs alt="),
        ("[a rising curve]", "[]", "the image curve.png needs alternative text"),
        ("# ## Explain it", '# ## Explain it\n# <img src="a.png">', '<img src="a.png"> needs alt='),
        (r"\frac{a}{b}", r"\frac{a}{b", "has unbalanced braces"),
        (r"\right\}$", "$", r"\left without its \right"),
        (r"\frac{a}{b}", r"\newcommand{\x}{y}", r"uses \newcommand, which does not render everywhere"),
        (r"\end{aligned}", r"\end{matrix}", r"\begin without its \end"),
        (r"\frac{a}{b}", r"\begin{align}a\end{align}", "only between double dollar signs"),
        (r"costs \$5", "costs $5", "a dollar sign opens a formula that is not closed"),
        (r"costs \$5", r"costs \(5\)", "write formulas between dollar signs"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(written, good, old, new, says):
    assert old in good
    found = findings(written(good.replace(old, new)))
    assert any(says in sentence for sentence in found), found
    assert all(sentence.startswith("01_infonce/infonce.py, cell ") for sentence in found)


def test_an_experiment_may_be_handed_an_answer(written, good):
    handed = '# %% tags=["experiment"]\nx = experiments.f(clip_loss, more=clip_loss)\n# %%\ntotal ='
    assert not [one for one in findings(written(good.replace("# %%\ntotal =", handed))) if "learner" in one]


def test_a_check_follows_its_own_answer(written, good):
    check = '# %% check="infonce.clip_loss"\ncheck("infonce.clip_loss", clip_loss)\n'
    before = written(good.replace(check, "").replace("# %%\nimport", f"{check}\n# %%\nimport"))
    assert any("should come right before it" in sentence for sentence in findings(before))
    assert any("no check follows the solution cell clip_loss" in sentence for sentence in findings(before))


def test_a_class_takes_what_its_reference_takes(written, good, monkeypatch):
    class Reference:
        def __init__(self, start): ...
        def step(self, grad): ...
        def _private(self): ...

    monkeypatch.setattr(load("infonce.clip_loss"), "reference", Reference)
    cell = good[good.index("def clip_loss") : good.index("# %% check")]
    answer = "class clip_loss:\n    def __init__(self, start):\n        self.start = start\n"
    lesson = written(good.replace(cell, answer))
    assert [text for text in findings(lesson) if "step" in text] == [
        "01_infonce/infonce.py, cell 3 (clip_loss): it should define `clip_loss.step`."
    ]


def test_everything_is_asked_once(written, good, monkeypatch):
    asked = {one.id: one for one in (load("infonce.clip_loss"), explanation("infonce.explain_ceiling"))}
    guess = prediction("infonce.predict_chance")
    monkeypatch.setattr(rules.exercises, "of_topic", lambda topic: asked | {guess.id: guess})
    twice = good[good.index('# %% check="infonce') : good.index("# %% tags")]
    assert list(asked_once("infonce", [written(good + twice)])) == [
        "01_infonce/infonce.py: infonce.clip_loss should have one check cell, but has 2.",
        "01_infonce/infonce.py: infonce.predict_chance should have one predict cell, but has 0.",
    ]


@pytest.mark.parametrize(
    ("cell", "change", "says"),
    [
        (
            1,
            {"source": "    labels = torch.arange(len(logits))"},
            "a line of the answer to clip_loss",
        ),
        (
            0,
            {"source": "# A\nBecause the loss cannot be negative, whatever the batch."},
            "answer to explain_c",
        ),
        (1, {"source": "### END SOLUTION"}, "it holds the mark END SOLUTION"),
        (3, {"source": "### BEGIN HIDDEN TESTS"}, "it holds the mark BEGIN HIDDEN TESTS"),
        (1, {"execution_count": 1}, "it has outputs"),
        (1, {"id": "clip_loss"}, "another cell has its id, clip_loss"),
        (2, {"id": "abc"}, "its cell id is abc, not its grade id"),
        (0, {"source": "x" * 200_000}, "at most 200 kB are allowed"),
    ],
)
def test_a_release_gives_nothing_away(released, tmp_path, cell, change, says):
    notebook = nbformat.read(released.path, as_version=4)
    notebook.cells[cell].update(change)
    lesson = Lesson(released.source, tmp_path / "infonce.ipynb")
    lesson.path.write_text(nbformat.v4.writes(notebook), encoding="utf-8")
    (found,) = [text for rule in RELEASE_RULES for text in lesson.say_of_release(rule(lesson))]
    assert says in found
    assert found.startswith("notebooks/01_infonce/infonce.ipynb")


def test_a_lesson_without_release_is_named(written, good):
    lesson = written(good)
    (found,) = [text for rule in RELEASE_RULES for text in lesson.say_of_release(rule(lesson))]
    assert found.endswith("it has not been released; run `course build`.")


def test_this_course_has_no_findings():
    assert lint(ROOT) == []
