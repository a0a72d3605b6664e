"""A learner drills in a real JupyterLab: mathematics is typeset, and nothing that was typed is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from drills import numeric
from drills.deck import load
from drills.notebook.showing import aloud
from drills.records import Records
from drills.schema import Choice, Code, Concept, Numeric

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
DRAFT = "The softmax over the batch compares each pair with all others"
KEPT = 4_000  # ms after which what was typed is kept
PICTURES = "COURSE_SCREENSHOTS"
#: What MathJax leaves where it could not read a formula.
FAULTS = "mjx-merror, [data-mjx-error]"


def write_notebook(path, *cells):
    path.write_text(
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "id": f"cell-{place}",
                        "metadata": {},
                        "execution_count": None,
                        "outputs": [],
                        "source": source,
                    }
                    for place, source in enumerate(cells)
                ],
                "metadata": {
                    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
                },
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        ),
        encoding="utf-8",
    )


def picture(lesson, name):
    if folder := os.environ.get(PICTURES):
        lesson.page.screenshot(path=ROOT / folder / f"{name}.png", animations="disabled")


class Drill:
    """A drill in the output of a cell."""

    def __init__(self, lesson, cell: Locator):
        self.page, self.cell = lesson.page, cell
        self.output = lesson.run(cell)
        self.asked = self.output.locator(".drill-asked")
        expect(self.asked).to_be_visible()

    def press(self, label, *, exact=True):
        self.output.get_by_role("button", name=label, exact=exact).click()

    def box(self):
        return self.asked.locator("textarea, input[type=text]").first

    def is_over(self):
        """Expect the summary, and that the page has come back to its top."""
        expect(self.output).to_contain_text("How it went")
        expect(self.output.get_by_role("button", name="The drill is over")).to_be_focused()
        expect(self.output.get_by_role("button", name="The drill is over")).to_be_in_viewport()

    def typeset(self):
        """Wait until there is mathematics and all of it is typeset."""
        expect(self.output.locator("mjx-container").first).to_be_visible()
        expect(self.output.locator(".math").first).not_to_contain_text("\\(")
        assert self.output.locator(FAULTS).count() == 0
        bare = self.output.locator(".math").evaluate_all(
            "all => all.filter(one => one.querySelectorAll('mjx-container').length != 1).length"
        )
        assert bare == 0


def first_card(kind, shows_maths):
    return next(card for card in load().cards.values() if isinstance(card, kind) and shows_maths(card))


def test_a_drill_in_a_real_browser(pages, machine, tmp_path):
    choice = first_card(Choice, lambda card: any("$" in option.text for option in card.options))
    number = first_card(Numeric, lambda card: "$" in card.solution and "$" not in card.distractors[0].says)
    talk = first_card(Concept, lambda card: "$" in card.two_minutes.insight and len(card.rubric) > 1)
    program = first_card(Code, lambda card: True)
    records = tmp_path / "drills.sqlite"
    write_notebook(
        machine.work / "drills.ipynb",
        f"import os\nos.environ['COURSE_DRILLS'] = {str(records)!r}\nimport drills",
        *(f"drills.session(card={card.id!r})" for card in (choice, number, program, talk)),
        "# Running the last cell would make a new one, and put the keyboard there at its own time.",
    )
    lesson = pages("drills.ipynb")
    for _ in range(2):  # so that its number tells it from the first run after a restart
        lesson.run(lesson.cell("COURSE_DRILLS"))
    one_option_is_chosen(Drill(lesson, lesson.cell(choice.id)), lesson, choice)
    a_mistake_is_named(Drill(lesson, lesson.cell(number.id)), lesson, number, records)
    a_program_is_judged(Drill(lesson, lesson.cell(program.id)), lesson)
    an_answer_outlives_page_and_kernel(lesson, talk)
    expect(lesson.page.locator(".jp-OutputArea").filter(has_text="Traceback")).to_have_count(0)
    expect(lesson.interruptions()).to_have_count(0)
    assert lesson.log.hosts == {"127.0.0.1"}, "drills work offline"
    assert lesson.log.complaints == []


def one_option_is_chosen(drill, lesson, card):
    expect(drill.output).to_contain_text("How sure are you")
    drill.press("70 %")
    rows = drill.asked.locator(".drill-row")
    expect(rows).to_have_count(len(card.options))
    drill.typeset()
    # A click on the words chooses them, and another choice takes its place.
    for place in (1, 0):
        rows.nth(place).click()
        expect(drill.asked.get_by_role("radio", checked=True)).to_have_count(1)
        expect(rows.nth(place).get_by_role("radio")).to_be_checked()
    picture(lesson, "drill-choice")
    drill.press("Answer")
    expect(drill.output.locator(".drill-right")).to_be_visible()
    drill.typeset()
    expect(drill.output).to_contain_text("You chose")
    drill.press("(computed)", exact=False)
    drill.is_over()
    expect(drill.output.get_by_role("cell", name=card.id)).to_be_visible()


def a_mistake_is_named(drill, lesson, card, records):
    (sitting,) = Records(records).unfinished()
    posed = numeric.pose(card, sitting.seed)
    drill.press("90 %")
    expect(drill.box()).to_be_focused()
    drill.page.keyboard.type("many")
    drill.page.keyboard.press("Enter")
    expect(drill.output.get_by_role("alert")).to_contain_text("number")
    expect(drill.box()).to_have_value("many")
    mistake = repr(posed.distractors[0].value)
    drill.box().fill(mistake)
    drill.page.keyboard.press("Enter")
    expect(drill.output.locator(".drill-wrong")).to_contain_text("Not right")
    expect(drill.output.locator(".drill-wrong")).to_contain_text(aloud(posed.judge(mistake).says))
    drill.typeset()
    picture(lesson, "drill-number")
    # The Tab key leads on from what was answered, to the computed rating.
    drill.page.keyboard.press("Tab")
    drill.page.keyboard.press("Enter")
    drill.is_over()


def a_program_is_judged(drill, lesson):
    drill.press("50 %")
    expect(drill.box()).to_be_focused()
    drill.page.keyboard.press("Control+End")
    drill.page.keyboard.type("# as it was given")
    drill.press("Run the checks")
    expect(drill.output.get_by_role("status").filter(has_text="Running the checks")).to_be_visible()
    expect(drill.output.get_by_role("button", name="Give up")).to_be_disabled()
    expect(drill.output.locator(".drill-wrong")).to_contain_text("Not yet", timeout=90_000)
    expect(drill.box()).to_be_focused()
    picture(lesson, "drill-program")
    drill.press("Give up")
    drill.press("(computed)", exact=False)
    drill.is_over()


def an_answer_outlives_page_and_kernel(lesson, card):
    drill = Drill(lesson, lesson.cell(card.id))
    drill.press("50 %")
    expect(drill.box()).to_be_focused()
    drill.page.keyboard.type(DRAFT)
    lesson.page.wait_for_timeout(KEPT)
    lesson.cell("COURSE_DRILLS").locator(".cm-line").first.click()  # a widget's text keeps Ctrl+S to itself
    lesson.save()
    lesson.reload()
    expect(drill.box()).to_have_value(DRAFT)  # the kernel has it still
    lesson.restart_kernel()
    lesson.run(lesson.cell("COURSE_DRILLS"))
    drill = Drill(lesson, lesson.cell(card.id))
    expect(drill.output).to_contain_text("Going on with the cards of")
    expect(drill.output).to_contain_text("50 %")
    expect(drill.box()).to_have_value(DRAFT)
    drill.press("Done")
    expect(drill.asked).to_contain_text("objects")
    drill.press("I said it aloud")
    boxes = drill.asked.get_by_role("checkbox")
    expect(boxes).to_have_count(len(card.rubric))
    drill.typeset()
    picture(lesson, "drill-words")
    drill.asked.locator(".drill-row").nth(1).click()
    expect(boxes.nth(1)).to_be_checked()
    drill.press("Done")
    drill.press("(computed)", exact=False)
    drill.is_over()


#: A cell that shows every sentence of a topic's cards, each with its card and its field.
SHEETS = """
from html import escape
import ipywidgets
from drills.deck import load
from drills.notebook.showing import coloured
from drills.html import html
from drills.proving.texts import sentences
from drills.reading import options, shown

deck = load()

def page(sentences):
    parts = [
        f'<div class="one" data-name="{escape(name, quote=True)}">{html(text, coloured)}</div>'
        for name, text in sentences
    ]
    return ipywidgets.HTMLMath("".join(parts) + '<p class="end">end</p>')

def sheet(topic):
    found = []
    for card in deck.of_topic(topic):
        texts = [(f"shown {n} ({step.title})", step.text) for n, step in enumerate(shown(card))]
        texts += [(f"option {n}", text) for n, text in enumerate(options(card))]
        texts += sentences(card)
        found += [(f"{card.id}, {field}", text) for field, text in texts]
    return page(found)
"""
#: Of the formulas on the page, those that are not what MathJax makes of one that it can read.
FAULTY = """all => all.flatMap(one => {
    const maths = [...one.querySelectorAll(".math")], made = one.querySelectorAll("mjx-container");
    const wrong = one.querySelectorAll("mjx-merror, [data-mjx-error], [mathcolor=red], [style*='color: red']");
    const bare = maths.filter(each => each.querySelectorAll("mjx-container").length != 1);
    const said = [...wrong].map(each => each.dataset.mjxError || each.textContent);
    if (bare.length || maths.length != made.length) said.push(`${maths.length} formulas, ${made.length} typeset`);
    return said.map(what => `${one.dataset.name}: ${what}`);
})"""
LEFT = "all => all.filter(each => !each.querySelector('mjx-container')).length"
WRONG = (
    r'page([("argument", r"$\frac{1}$"), ("macro", r"$\notamacro x$"), ("none", r"\$5, \$6 and $\frac12$")])'
)


def test_every_sentence_of_every_card_is_typeset(pages, machine):
    """All cards on one page: nothing that MathJax cannot read, and nothing that it leaves alone."""
    topics = [topic.topic for topic in load().topics]
    write_notebook(machine.work / "deck.ipynb", SHEETS, WRONG, *(f"sheet({topic!r})" for topic in topics))
    lesson = pages("deck.ipynb")
    lesson.run(lesson.cell("def sheet"))
    assert {fault.partition(":")[0] for fault in faults_of(lesson, WRONG)} == {"argument", "macro"}
    faults = [fault for topic in topics for fault in faults_of(lesson, f"sheet({topic!r})")]
    assert not faults, "\n".join(faults)
    assert lesson.page.locator(".one mjx-container").count() > 500, "the page has shown the deck"
    assert lesson.log.complaints == []


def faults_of(lesson, source):
    """Run a cell, wait until its formulas are typeset, and return what is wrong with them."""
    output = lesson.run(lesson.cell(source))
    expect(output.locator(".end")).to_be_attached()
    for _ in range(60):
        if not output.locator(".one .math").evaluate_all(LEFT):
            break
        lesson.page.wait_for_timeout(500)
    return output.locator(".one").evaluate_all(FAULTY)
