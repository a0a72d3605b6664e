"""Sound cards of every kind, to plant faults in."""

import copy

import pytest
from pydantic import TypeAdapter

from drills.schema import Card

BASE = {
    "level": 1,
    "minutes": 2,
    "skills": ["softmax"],
    "sources": ["C4"],
    "question": "What is $\\log N$?",
}
RUBRIC = [{"says": "this", "must": True}, {"says": "that"}]
ANSWERS = {
    "numeric": {
        "question": "The loss with [[N]] pairs, at a factor of [[x]]?",
        "parameters": {"N": {"among": [4, 8, 64]}, "x": {"between": [1.5, 3]}},
        "answer": "x * log(N)",
        "unit": "nats",
        "distractors": [
            {"answer": "x * log2(N)", "says": "bits"},
            {"answer": "-x * log(N)", "says": "sign"},
        ],
        "solution": "$[[x]] \\log [[N]] = [[answer]]$",
    },
    "derivation": {
        "steps": [
            {"says": "Start.", "must": True},
            {
                "says": "Divide.",
                "formula": {
                    "asks": "The softmax?",
                    "names": {"l": {"between": [-2, 2], "length": 3}, "tau": {"between": [0.5, 2]}},
                    "answer": "exp(l / tau) / sum(exp(l / tau))",
                    "wrong": [{"answer": "exp(l) / sum(exp(l))", "says": "no temperature"}],
                },
            },
        ]
    },
    "choice": {
        "options": [
            {"text": "It is the first one", "reason": "because", "right": True},
            {"text": "It is the second one", "reason": "no"},
            {"text": "It is the third one", "reason": "never"},
        ]
    },
    "scenario": {
        "numbers": [{"asks": "GB?", "answer": "7e9 * 2 / 1e9", "unit": "GB", "says": "two bytes each"}],
        "decision": "Take it.",
        "pushback": {"says": "No.", "reply": "Yes."},
        "rubric": RUBRIC,
        "weak": {"answer": "Hm.", "lacks": "All."},
    },
    "code": {
        "exercise": "start_here.cosine",
        "starter": "def cosine(a, b):\n    raise NotImplementedError\n",
        "solution": "def cosine(a, b):\n    return (a @ b) / (a.norm() * b.norm())\n",
        "remarks": "Two norms.",
    },
    "bug": {
        "exercise": "start_here.cosine",
        "misconception": "start_here.cosine:dot_product",
        "code": "def cosine(a, b):\n    return a @ b\n",
        "culprits": [2],
        "rubric": RUBRIC,
        "fix": "def cosine(a, b):\n    return (a @ b) / (a.norm() * b.norm())\n",
    },
}


@pytest.fixture
def make():
    """A sound card of some kind, but for some fields: ``make("numeric", **{"distractors.0.answer": "1"})``."""

    def made(kind, **changes):
        fields = copy.deepcopy(BASE | ANSWERS[kind] | {"kind": kind, "id": "toys.toy"})
        for way, value in changes.items():
            *steps, last = way.split(".")
            place = fields
            for step in steps:
                place = place[int(step) if step.isdigit() else step]
            place[int(last) if last.isdigit() else last] = value
        return TypeAdapter(Card).validate_python(fields)

    return made
