"""Every step that can be shown or asked has its widget."""

from __future__ import annotations

import inspect
import sys
import time

import ipywidgets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills import steps
from drills.notebook.asking import asked
from drills.notebook.showing import aloud, prose, shown
from drills.steps import Beside, Show, Step

EXAMPLES = {
    "AskConfidence": {},
    "AskText": {},
    "AskNumber": {"unit": "MB"},
    "AskChoice": {"options": ("a $x^2$", "b", "b")},
    "AskFormula": {"names": {"tau": "the temperature $\\tau$"}},
    "AskLine": {"code": "def f():\n\n    return 1\n"},
    "AskCode": {"starter": "def f(): ...", "exercise": "infonce.l2_normalize"},
    "Tick": {"points": ("one $x$", "two"), "musts": (1,)},
    "AskRating": {"reason": "that was not it"},
}
KINDS = [
    kind
    for _, kind in inspect.getmembers(steps, inspect.isclass)
    if issubclass(kind, Step) and kind not in (Step, Show, Beside)
]


def within(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from within(child)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_question_has_a_widget_with_its_words(kind):
    question = asked(kind("How is $x$?", **EXAMPLES[kind.__name__]), lambda reply: None)
    assert (
        r"How is <span class=\"math inline\">\(x\)</span>".replace('\\"', '"') in question.children[0].value
    )
    assert question.buttons
    assert all(button.description for button in question.buttons.values())
    assert question.first is None or question.first in list(within(question))


def test_a_step_that_is_not_known_is_refused():
    with pytest.raises(TypeError, match="Step"):
        asked(Step("?"), lambda reply: None)


@pytest.mark.parametrize("kind", ["AskChoice", "Tick"])
def test_what_is_clicked_has_a_label_to_be_read_aloud(kind):
    question = asked(getattr(steps, kind)("?", **EXAMPLES[kind]), lambda reply: None)
    controls = [row.children[0] for row in question.inputs]
    labels = [getattr(c, "description", "") or c.options[0] for c in controls]
    assert labels[0] in ("a x²", "one x")
    if kind == "Tick":
        assert "(a must)" in labels[1]


def test_lines_are_chosen_in_the_code_itself():
    question = asked(steps.AskLine("?", **EXAMPLES["AskLine"]), lambda reply: None)
    labels = [label for label, _ in question.inputs[0].options]
    assert labels == ["1  def f():", "2  ", "3      return 1"]


def test_a_formula_is_read_back_while_it_is_typed():
    question = asked(steps.AskFormula("?", names={"a": ""}), lambda reply: None)
    (understood,) = (
        w for w in question.children if isinstance(w, ipywidgets.HTML) and w is not question.trouble
    )
    question.typed.value = "2a/3"
    assert "<code>2 * a / 3</code>" in understood.value
    question.typed.value = "1/(2a"
    assert understood.value == ""


def test_a_program_comes_back_as_it_was_given():
    sent = []
    question = asked(steps.AskCode("?", starter="def f(): ...", exercise="e"), sent.append, "def f(): 1")
    assert question.typed.value == "def f(): 1"
    question.buttons["Back to the given code"].click()
    question.buttons["Run the checks"].click()
    assert sent == []
    assert "Nothing is changed" in question.trouble.value


@pytest.fixture
def shown_on_a_page():
    """A question for a number that a page shows, and what was sent."""
    sent = []
    question = asked(steps.AskNumber("?"), sent.append)
    question.typed._view_count = 1
    yield question, sent
    question.close()


def enter(question):
    question.typed._handle_custom_msg({"event": "submit"}, [])


def test_the_last_keys_count_that_come_after_the_click(shown_on_a_page):
    question, sent = shown_on_a_page
    question.typed.value = "0.6"
    enter(question)
    question.buttons["Answer"].click()
    assert sent == []
    assert question.typed not in question.children
    question.typed.set_state({"value": "0.69", "_view_count": 0})  # as the page sends them, in one message
    assert sent == ["0.69"]
    assert question.typed in question.children, "it was not closed, so the answer did not fit"


def test_a_page_that_says_nothing_is_not_waited_for_long(shown_on_a_page, monkeypatch):
    question, sent = shown_on_a_page
    monkeypatch.setattr(sys.modules[type(question).__module__], "PATIENCE", 0.05)
    question.typed.value = "2"
    enter(question)
    for _ in range(200):
        if sent:
            break
        time.sleep(0.02)
    assert sent == ["2"]
    question.typed._view_count = 0
    assert sent == ["2"], "once is enough"


def test_an_answer_that_is_overtaken_by_a_skip_is_none(shown_on_a_page):
    question, sent = shown_on_a_page
    question.typed.value = "2"
    enter(question)
    question.close()
    question.typed._view_count = 0
    assert sent == []


@given(st.text(), st.text(), st.sampled_from(["question", "answer", "right", "wrong", "note", "weak"]))
def test_anything_is_shown_and_nothing_in_it_runs(text, title, look):
    for step in (Show(text, title, look), Beside(text, title, look, text, title)):
        for widget in within(shown(step)):
            value = getattr(widget, "value", "")
            assert "<script" not in value.lower()
            assert "<img" not in value.lower()


def test_right_and_wrong_differ_without_colour():
    def title(look):
        return shown(Show("x", "The verdict", look)).children[0].value

    assert len({title("right"), title("wrong"), title("weak"), title("note")}) == 4


def test_programs_are_coloured_and_mathematics_in_them_is_left_alone():
    value = prose("```python\ndef f(x): return '$x$' < 1\n```").value
    assert '<span class="k">def</span>' in value
    assert "&lt;" in value
    assert r"\(" not in value
    assert "x &lt; 1" in prose("```nonsense\nx < 1\n```").value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a $x^2$ and `b_c`", "a x² and b_c"),
        ("*one* & **two**", "one & two"),
        ("a < b > c", "a < b > c"),
        ("$a < b$", "a < b"),
    ],
)
def test_what_is_seen_typeset_is_read_aloud_in_words(text, said):
    assert aloud(text) == said
