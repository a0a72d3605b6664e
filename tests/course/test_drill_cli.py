"""``course interview``, ``plan`` and ``deck`` as a learner types them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from datetime import date, timedelta

import pytest

from drills.deck import load


@pytest.fixture
def course(tmp_path):
    """The command in a process of its own, with records of its own; its output, which may be asked to fail."""

    def course(*arguments, typed="", code=0):
        environment = os.environ | {
            "COURSE_DRILLS": str(tmp_path / "drills.sqlite"),
            "COURSE_PROGRESS": "off",
            "COLUMNS": "80",
            "PYTHONIOENCODING": "utf-8",
        }
        run = subprocess.run(
            [sys.executable, "-m", "course", *map(str, arguments)],
            input=typed,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=environment,
            cwd=tmp_path,
            check=False,
        )
        assert run.returncode == code, run.stdout + run.stderr
        assert "Traceback" not in run.stderr
        return run.stdout + run.stderr

    return course


def test_the_deck_lists_its_topics_and_shows_a_card(course):
    said = course("deck")
    deck = load()
    assert all(topic.topic in said for topic in deck.topics)
    assert f"{len(deck.cards)} cards in all" in said
    card = course("deck", "show", "infonce.chance_loss")
    assert "The way there" in card
    assert "[[" not in card
    topic = course("deck", "show", "infonce")
    assert "infonce.chance_loss  (numeric" in topic
    assert "[[" not in topic
    scenario = course("deck", "show", "serving.seven_billion_on_24_gb")
    assert scenario.index("How large are the full caches") < scenario.index("It is 17.18 GB")
    bug = course("deck", "show", "siglip.bug_outside")
    assert bug.index("F.logsigmoid(z * similarity * logit_scale +") < bug.index("The line")
    assert "raise NotImplementedError" in course("deck", "show", "siglip.write_the_loss")


def test_the_help_lists_the_verbs_on_cards_together(course):
    listed = re.findall(r"(?m)^  (\w+) +[A-Z]", course("--help"))
    place = listed.index("drill")
    assert listed[place : place + 4] == ["drill", "interview", "plan", "deck"]


def test_the_deck_is_exported(course, tmp_path):
    assert f"{len(load().cards)} cards" in course("deck", "export", "anki", "deck.apkg")
    assert "collection.anki2" in zipfile.ZipFile(tmp_path / "deck.apkg").namelist()


def test_statistics_begin_with_the_first_answer(course, tmp_path):
    assert "No card was answered yet" in course("deck", "stats")
    course("drill", "--card", "infonce.chance_loss", typed="\nx\n\n")
    said = course("deck", "stats", "--figure", "drills.png")
    assert "1 answer on 1 day" in said
    assert (tmp_path / "drills.png").read_bytes().startswith(b"\x89PNG")
    assert "drills.xyz" in course("deck", "stats", "--figure", "drills.xyz", code=1)
    assert len(re.findall(r"(?m)^\w{3} \d\d \w{3} ", said)) == 30


def test_a_plan_is_laid_kept_and_cleared(course):
    day = date.today() + timedelta(days=20)
    said = course("plan", "--interview", day, "--minutes", 45)
    assert "20 days to" in said
    assert "and 6 days more" in said
    assert "diagnostic" in said
    assert f"{day:%d %B %Y}" in course("plan", "--all")
    assert "no date any more" in course("plan", "--clear")
    assert "A plan needs the day of the interview" in course("plan", code=1)


def test_a_diagnostic_goes_on_whatever_was_drilled_meanwhile(course):
    day = date.today() + timedelta(days=20)
    begun = course("plan", "--interview", day, "--diagnostic", typed="\nx\n\n\nx\nq\n")
    assert "Kept: `course plan --diagnostic` goes on at this step." in begun
    assert "First a diagnostic of about 15 minutes" in begun
    course("drill", "--card", "infonce.chance_loss", typed="\nx\n\n")
    resumed = course("plan", "--diagnostic", typed="q\n")
    assert "Going on with the diagnostic." in resumed
    assert "diagnostic · about 15 min left" not in resumed  # its first card was answered
    assert "So far, the plan:" in resumed


def test_a_date_that_is_past_changes_nothing(course):
    day = date.today() + timedelta(days=9)
    course("plan", "--interview", day)
    assert "is past" in course("plan", "--interview", "2020-01-01", code=1)
    assert f"{day:%d %B %Y}" in course("plan")


def test_an_interview_is_held_cut_off_and_gone_on_with(course):
    begun = course("interview", "--minutes", 12, typed="q\n")
    assert "Kept: `course interview` goes on at this step." in begun
    resumed = course("interview", typed="x\n" * 60 + "none\n" * 10)
    assert "interview of 12 minutes" in resumed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["interview", "--minutes", "5"], "An interview takes 10 minutes or more"),
        (["interview", "--topic", "nix"], "There is no topic nix"),
        (["deck", "show", "infonce.chance_los"], "Did you mean 'infonce.chance_loss'?"),
        (["deck", "export", "anki", "nowhere/x.apkg"], "x.apkg: there is no such folder."),
        (["deck", "export", "anki", "--topic", "nix"], "There is no topic 'nix'"),
        (["deck", "add", "missing.yaml"], "missing.yaml: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(course, arguments, said):
    assert said in course(*arguments, code=1)


def test_own_cards_are_added_and_drilled(course, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "topic: mine\ntitle: Mine\ncards:\n"
        "  - {id: mine.sum, kind: choice, question: What is 1 + 1?, level: 1, minutes: 1, skills: [softmax],\n"
        "     sources: [C4], options: [{text: '2', reason: So it is., right: true},\n"
        "     {text: '1', reason: No.}, {text: '3', reason: Not it.}]}\n",
        encoding="utf-8",
    )
    assert "Added: 1 card on mine" in course("deck", "add", "mine.yaml")
    assert "What is 1 + 1?" in course("drill", "--topic", "mine", typed="q\n")
