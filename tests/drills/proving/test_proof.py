"""The proof of cards finds the faults that are planted in sound ones, and names the field."""

import pytest

from drills.proving import Fault, prove, prove_programs

KINDS = ("numeric", "derivation", "choice", "scenario", "code", "bug")


@pytest.mark.parametrize("kind", KINDS)
def test_sound_cards_are_proven(make, kind):
    assert prove(make(kind)) == []
    assert prove_programs(make(kind)) == []


STEP = "steps.1.formula"


@pytest.mark.parametrize(
    ("kind", "changes", "field", "says"),
    [
        ("choice", {"question": "A $\\foo$?"}, "question", "in $\\foo$: \\foo is not among the commands"),
        ("choice", {"options.1.reason": "$a_{b$"}, "options.1.reason", "in $a_{b$: a { is not closed"),
        (
            "choice",
            {"caveats": ["$x$ \\$ costs [[x]]"]},
            "caveats.0",
            "holds [[…]], which only numeric cards",
        ),
        (
            "choice",
            {"options.1.reason": "List<int> is none"},
            "options.1.reason",
            "holds <int>, which a terminal drops",
        ),
        ("choice", {"skills": ["a\x1bb"]}, "skills.0", "holds the control character U+001B"),
        ("choice", {"skills": ["softmax", "softmax"]}, "skills", "one stands here twice"),
        ("choice", {"sources": ["C99"]}, "sources.0", "there is no claim C99"),
        (
            "choice",
            {"misconceptions": ["infonce.clip_loss:none"]},
            "misconceptions.0",
            "there is no misconception",
        ),
        (
            "choice",
            {"options.0.text": "It is the first one, for a reason that goes on and on"},
            "options.0",
            "so much longer",
        ),
        ("choice", {"options.1.reason": "because"}, "options", "two have the same reason"),
        ("scenario", {"numbers.0.answer": "7e9 * bytes"}, "numbers.0.answer", "Nothing here is called bytes"),
        ("scenario", {"numbers.0.answer": "1 - 1"}, "numbers.0.answer", "is not one number other than 0"),
        ("numeric", {"answer": "log(N"}, "answer", "This '(' is not closed"),
        ("numeric", {"answer": "y"}, "answer", "Nothing here is called y"),
        ("numeric", {"where": {"y": "1 / (N - 8)"}}, "where.y", "divides by zero"),
        ("numeric", {"where": {"N": "2"}}, "where", "N has a value already"),
        ("numeric", {"where": {"answer": "2"}}, "where", "answer has a value already"),
        ("numeric", {"where": {"log": "2"}}, "parameters", "log is a function"),
        (
            "numeric",
            {"distractors.0.answer": "x * log(N) * 1.015"},
            "distractors.0",
            "is not told from answer",
        ),
        (
            "numeric",
            {"distractors.1.answer": "x * log2(N) + N - 64"},
            "distractors.1",
            "is not told from distractors.0",
        ),
        ("numeric", {"distractors.1.answer": "log(x - 2)"}, "distractors.1", "is not defined at"),
        ("numeric", {"distractors.1.says": "[[z]]"}, "distractors.1", "Nothing here is called z"),
        ("numeric", {"exact": True}, "exact", "is no count"),
        ("numeric", {"question": "How much?"}, "question", "prints none of the parameters"),
        ("numeric", {"question": "[[N]] of [[M]]?"}, "question", "Nothing here is called M"),
        ("numeric", {"question": "[[N]], $2^[[N]]$?"}, "question", "a value in a script needs braces"),
        ("numeric", {"solution": "[[answer / 0]]"}, "solution", "divides by zero"),
        ("derivation", {f"{STEP}.answer": "exp(l / tau"}, f"{STEP}.answer", "is not closed"),
        ("derivation", {f"{STEP}.answer": "exp(l / t)"}, f"{STEP}.answer", "t is not among the names"),
        (
            "derivation",
            {f"{STEP}.answer": "l / sum(l - l)"},
            f"{STEP}.answer",
            "has a value in only 0 of 32 draws",
        ),
        ("derivation", {f"{STEP}.answer": "tau / tau"}, f"{STEP}.answer", "has the same value whatever"),
        (
            "derivation",
            {f"{STEP}.answer": "exp(l - logsumexp(l))"},
            f"{STEP}.wrong.0",
            "has the same values as answer",
        ),
        ("derivation", {f"{STEP}.names.n": {"among": [1, 2]}}, f"{STEP}.names", "n is used by no formula"),
        ("derivation", {f"{STEP}.names.exp": {"among": [1, 2]}}, f"{STEP}.names", "exp is a function"),
        ("code", {"exercise": "infonce.cosine"}, "exercise", "there is no exercise infonce.cosine"),
        ("bug", {"misconception": "start_here.cosine:none"}, "misconception", "there is no misconception"),
        (
            "bug",
            {"misconception": "infonce.clip_loss:one_direction"},
            "misconception",
            "is none of start_here.cosine",
        ),
    ],
)
def test_a_fault_is_found(make, kind, changes, field, says):
    found = prove(make(kind, **changes))
    assert any(fault.field == field and says in fault.says for fault in found), found
    assert all((fault.file, fault.card) == ("toys.yaml", "toys.toy") for fault in found)


@pytest.mark.parametrize(
    ("kind", "changes", "field", "says"),
    [
        ("code", {"solution": "def cosine(a, b):\n    return a @ b\n"}, "solution", "does not pass"),
        (
            "code",
            {"starter": "def cosine(a, b):\n    return (a @ b) / (a.norm() * b.norm())\n"},
            "starter",
            "earns 100% of the points",
        ),
        (
            "code",
            {"solution": "import nothing_at_all\ndef cosine(a, b): ...\n"},
            "solution",
            "raises ModuleNotFoundError while it is read",
        ),
        (
            "code",
            {
                "solution": "from course_lib.contrastive import cosine_similarity\ndef cosine(a, b):\n    return cosine_similarity(a[None], b[None])[0, 0]\n"
            },
            "solution",
            "does not pass",
        ),
        ("bug", {"fix": "def cosine(a, b):\n    return a @ b\n"}, "fix", "does not pass"),
        (
            "bug",
            {"code": "def cosine(a, b):\n    return (a @ b) / (a.norm() * b.norm())\n"},
            "code",
            "passes: it has no bug",
        ),
        (
            "bug",
            {"code": "def cosine(a, b):\n    return (a @ b) / a.norm()\n"},
            "code",
            "is recognised as start_here.cosine:one_norm",
        ),
        ("bug", {"code": "def cosine(a, b):\n    return a.sum()\n"}, "code", "is recognised as nothing"),
    ],
)
def test_a_program_that_does_something_else_is_found(make, kind, changes, field, says):
    found = prove_programs(make(kind, **changes))
    assert [fault.field for fault in found] == [field]
    assert says in found[0].says


def test_a_fault_names_file_card_and_field():
    assert (
        str(Fault("toys.yaml", "toys.toy", "answer", "is wrong"))
        == "toys.yaml, card toys.toy, answer: is wrong"
    )
    assert str(Fault("", "", "", "is thin", warning=True)) == "the deck: (look) is thin"
