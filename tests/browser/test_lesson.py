"""A learner works on lesson 01 in a real browser: an answer, a mistake, a slider, and tomorrow again."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MISTAKE = "return x / x.norm(dim=0, keepdim=True).clamp_min(eps)"
ANSWER = "return x / x.norm(dim=1, keepdim=True).clamp_min(eps)"


def test_a_lesson_in_a_real_browser(lesson, machine, picture):
    lesson.run(lesson.cell("from autograder import"))
    a_mistake_is_named_and_mended(lesson, picture)
    a_slider_moves_the_figure(lesson, picture)
    a_closed_answer_opens_with_its_maths(lesson)
    the_answer_is_there_after_a_restart(lesson, machine)
    expect(lesson.page.locator(".jp-OutputArea").filter(has_text="Traceback")).to_have_count(0)
    expect(lesson.interruptions()).to_have_count(0)
    assert lesson.log.hosts == {"127.0.0.1"}, "the course works offline"
    assert lesson.log.complaints == []


def a_mistake_is_named_and_mended(lesson, picture):
    answer, check = lesson.cell("def l2_normalize("), lesson.cell('check("infonce.l2_normalize"')
    lesson.run(answer)
    expect(lesson.run(check)).to_contain_text("not attempted")

    lesson.replace_line(answer, "raise NotImplementedError()", MISTAKE)
    lesson.run(answer)
    verdict = lesson.run(check)
    expect(verdict).to_contain_text("not yet")
    expect(verdict).to_contain_text("LOOKS LIKE")
    expect(verdict).to_contain_text("normalised over the batch axis")
    picture("verdict", answer, check)

    lesson.replace_line(answer, MISTAKE, ANSWER)
    lesson.run(answer)
    verdict = lesson.run(check)
    expect(verdict).to_contain_text("passed")
    expect(verdict).to_contain_text("2 of 2 points")
    expect(verdict).not_to_contain_text("LOOKS LIKE")


def a_slider_moves_the_figure(lesson, picture):
    gallery = lesson.run(lesson.cell('load_emoji("noto")')).locator("figure img")
    expect(gallery).to_have_attribute("alt", re.compile(r"\w+ .{20}"))

    cell = lesson.cell("explore_softmax(")
    lesson.run(cell)
    figure, numbers = cell.locator("figure img"), cell.get_by_role("status")
    expect(numbers).to_contain_text("Logit scale 10.")
    expect(figure).to_have_attribute("alt", re.compile("Logit scale 10[.]"))
    before = figure.get_attribute("src")
    assert before
    lesson.tab(cell, cell.get_by_role("slider").first)
    lesson.page.keyboard.press("ArrowRight")
    expect(numbers).to_contain_text("Logit scale 11.2.")
    expect(figure).to_have_attribute("alt", re.compile("Logit scale 11[.]2[.]"))
    assert figure.get_attribute("src") != before
    before = figure.get_attribute("alt")
    cell.get_by_role("slider").nth(2).click()  # another pair is framed and read out
    lesson.page.keyboard.press("ArrowRight")
    expect(figure).not_to_have_attribute("alt", before)
    picture("softmax", cell, cell)


def a_closed_answer_opens_with_its_maths(lesson):
    details = lesson.page.locator("details").filter(has_text="can a gradient step never shorten")
    maths = details.locator("mjx-container").first
    expect(maths).not_to_be_visible()
    details.locator("summary").click()
    expect(maths).to_be_visible()


def the_answer_is_there_after_a_restart(lesson, machine):
    lesson.save()
    (copy,) = machine.work.glob("01_*/*.ipynb")
    assert ANSWER in copy.read_text(encoding="utf-8")
    lesson.reload()
    lesson.restart_kernel()
    answer, check = lesson.cell("def l2_normalize("), lesson.cell('check("infonce.l2_normalize"')
    expect(answer).to_contain_text(ANSWER)
    lesson.run(answer)
    expect(answer.locator(".jp-InputPrompt")).to_have_text("[1]:")  # a fresh kernel
    lesson.run(lesson.cell("from autograder import"))
    expect(lesson.run(check)).to_contain_text("2 of 2 points")
