"""What a learner reads, for each way in which an answer can go wrong, and what `check` does with it."""

import json
import math
import warnings
from dataclasses import replace
from functools import partial

import nbformat
import pytest
import torch
from nbgrader.utils import determine_grade

from autograder import check, examine
from autograder.cases import cases
from autograder.checking import observe_all
from autograder.exercises import load
from autograder.judge import judge
from autograder.points import Points
from course_lib import contrastive


def right(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    labels = torch.arange(len(logits))
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2


def one_direction(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    return torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))


def raises(i, t, s):
    return torch.zeros(3)[7]


def in_place(image_features, text_features, logit_scale):
    image_features *= 2
    return right(image_features / 2, text_features, logit_scale)


def noisy(image_features, text_features, logit_scale):
    warnings.warn("careful", stacklevel=1)
    print("look here")
    return right(image_features, text_features, logit_scale)


def leaves(image_features, text_features, logit_scale):
    raise SystemExit(3)


def keywords(function):
    """`function` of three positional arguments, called by the names that the exercise uses."""
    return lambda image_features, text_features, logit_scale: function(
        image_features, text_features, logit_scale
    )


def said(verdict) -> str:
    return " ".join(verdict.text.split())


@pytest.mark.parametrize(
    ("answer", "problem", "words"),
    [
        (right, None, "passed · 12 of 12 checks, 3 of 3 points THINK What changes if two captions"),
        (one_direction, "wrong", "your loss is 0.7994; it should be 0.8004. LOOKS LIKE one direction only."),
        (keywords(lambda i, t, s: None), "type", "it returned nothing (None). Is there a `return`?"),
        (keywords(lambda i, t, s: right(i, t, s).item()), "type", "it should be a torch tensor"),
        (
            keywords(lambda i, t, s: [right(i, t, s)]),
            "type",
            "your loss is a list; it should be a torch tensor",
        ),
        (
            keywords(lambda i, t, s: i @ t.T),
            "shape",
            "should have shape () (a single number); it has (3, 3).",
        ),
        (keywords(lambda i, t, s: right(i, t, s).float()), "dtype", "your loss is float32; from float64"),
        (
            keywords(lambda i, t, s: right(i, t, s) * torch.nan),
            "nonfinite",
            "your loss is NaN; it should be 0.8",
        ),
        (keywords(lambda i, t, s: right(i, t, s) + torch.inf), "nonfinite", "your loss is infinite"),
        (keywords(lambda i, t, s: right(i.detach(), t, s)), "wrong", "Is the input cut off by .detach()"),
        (keywords(raises), "raised", "it raised IndexError: index 7 is out of bounds"),
        (in_place, "mutated", "it changes its argument `image_features` in place."),
        (leaves, "raised", "it raised SystemExit: 3"),
        (partial(contrastive.clip_loss), "own_work", "This calls `clip_loss`, which is what you are asked"),
    ],
)
def test_each_problem_is_said(answer, problem, words):
    verdict = examine("infonce.clip_loss", answer)
    assert verdict.problem == problem
    assert words in said(verdict)
    assert verdict.passed is (problem is None)
    assert json.loads(json.dumps(verdict.to_json()))["schema"] == 1


def test_the_learners_own_line_is_shown():
    assert "in raises: return torch.zeros(3)[7]" in said(examine("infonce.clip_loss", keywords(raises)))


def test_warnings_and_prints_are_noted_and_cost_nothing():
    verdict = examine("infonce.clip_loss", noisy)
    assert verdict.credit == 3
    assert "NOTE It caused a warning: UserWarning: careful" in said(verdict)
    assert "NOTE It prints while it runs" in said(verdict)


def test_an_endless_loop_is_stopped():
    exercise = load("infonce.clip_loss")

    def endless(image_features, text_features, logit_scale):
        while True:
            pass

    asked = cases(exercise)
    seen = observe_all(exercise, replace(exercise.runner, seconds=0.2), endless, asked)
    verdict = judge(exercise, asked, seen)
    assert verdict.problem == "slow"
    assert "had not finished after 0.2 s, and was stopped" in said(verdict)
    assert len(seen) == 1  # the other cases are not tried


def summed_direction(image_features, text_features, logit_scale):
    return one_direction(image_features, text_features, logit_scale) * len(image_features)


def naive_direction(image_features, text_features, logit_scale):
    exponentials = (logit_scale * image_features @ text_features.T).exp()
    return -(exponentials.diagonal() / exponentials.sum(1)).log().mean()


def lost(image_features, text_features, logit_scale):
    logits = logit_scale * image_features @ text_features.T
    return logits.sin().mean()


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (summed_direction, {"one_direction", "summed"}),  # one on top of the other
        (naive_direction, {"one_direction", "no_shift"}),  # each in its own cases
        (lost, set()),
    ],
)
def test_two_mistakes_at_once(answer, names):
    verdict = examine("infonce.clip_loss", answer)
    assert {one.partition(":")[2] for one in verdict.misconceptions} == names


@pytest.mark.parametrize("number", [float, torch.tensor])
def test_where_any_number_will_do_a_mistake_is_named_in_any(number):
    verdict = examine("siglip.initial_bias", lambda batch: number(math.log(batch - 1)))
    assert verdict.misconceptions == ("siglip.initial_bias:sign",)


@pytest.mark.parametrize("number", [float, lambda ratio: ratio])
def test_that_holds_for_any_number_without_a_gradient(number):
    def inverted(x, x_hat):
        return number(10 * torch.log10(((x - x_hat) ** 2).sum() / (x**2).sum()))

    verdict = examine("affine_quantization.sqnr_db", inverted)
    assert verdict.misconceptions == ("affine_quantization.sqnr_db:inverted",)


def test_the_first_wrong_step_is_found():
    said_of_it = said(examine("infonce.clip_loss", lost))
    assert "FOUND Your `logits` holds the right logits, so the mistake comes after it." in said_of_it
    assert "The lesson's next step is the image-to-text log-probabilities." in said_of_it


def test_no_step_is_blamed_when_only_the_form_is_wrong():
    def plain_number(image_features, text_features, logit_scale):
        logits = logit_scale * image_features @ text_features.T
        labels = torch.arange(len(logits))
        halves = [torch.nn.functional.cross_entropy(one, labels) for one in (logits, logits.T)]
        return sum(halves).item() / 2

    verdict = examine("infonce.clip_loss", plain_number)
    assert verdict.problem == "type"
    assert "FOUND" not in verdict.text


def test_a_test_that_misses_one_mistake_passes_and_is_told():
    known = next(iter(load("infonce.test_clip_loss").correct.values()))
    verdict = examine("infonce.test_clip_loss", known)
    assert verdict.passed
    assert "NOTE Your test lets a wrong implementation through: " in said(verdict)


class TestCheck:
    """`check` prints, and returns the points."""

    def test_points(self, capsys):
        earned = check("infonce.clip_loss", one_direction)
        assert (float(earned), earned.possible) == (0.0, 3.0)
        assert "LOOKS LIKE" in capsys.readouterr().out

    def test_the_stub_is_not_attempted(self, capsys):
        def clip_loss(image_features, text_features, logit_scale):
            raise NotImplementedError

        assert check("infonce.clip_loss", clip_loss) == 0
        assert "not attempted" in capsys.readouterr().out

    def test_an_unknown_exercise(self, capsys):
        assert check("infonce.clip_los", right) == 0
        assert "Did you mean 'infonce.clip_loss'?" in capsys.readouterr().out

    def test_a_called_function(self, capsys):
        assert check("infonce.clip_loss", 0.7) == 0
        assert "takes your function itself" in capsys.readouterr().out

    def test_the_learner_can_interrupt(self):
        def interrupted(image_features, text_features, logit_scale):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            check("infonce.clip_loss", interrupted)


class TestHiddenCases:
    """Under nbgrader, cases of a secret seed are added and never described."""

    def test_only_the_group_is_named(self, monkeypatch):
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        monkeypatch.setenv("COURSE_SEED", "autumn")
        public = {len(c.inputs["image_features"]): c.inputs for c in cases(load("infonce.clip_loss"))}

        def memorised(image_features, text_features, logit_scale):
            known = torch.tensor(public[len(image_features)]["image_features"])
            good = right(image_features, text_features, logit_scale)
            return good if torch.equal(known, image_features) else good + 1

        verdict = examine("infonce.clip_loss", memorised)
        assert verdict.credit < 3
        assert "A case that is not shown fails, in the group “value”." in said(verdict)
        assert "it should be" not in said(verdict)

    def test_not_without_nbgrader(self, monkeypatch):
        monkeypatch.setenv("COURSE_SEED", "autumn")
        assert examine("infonce.clip_loss", right).checks == 12


@pytest.mark.parametrize("earned", [0.0, 1.0, 2.5, 3.0])
def test_nbgrader_reads_the_points(earned):
    points = Points(earned, 3)
    assert repr(points) == repr(earned)
    assert f"{earned:g} of 3 points" in points._repr_html_()
    cell = nbformat.v4.new_code_cell("check()", outputs=[])
    cell.metadata["nbgrader"] = {"grade": True, "solution": False, "points": 3.0, "grade_id": "check-x"}
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": repr(points)})]
    assert determine_grade(cell) == (earned, 3.0)


def test_a_method_that_should_return_several_results_is_told_which():
    class OneNumber:
        def __init__(self, qmin, qmax, symmetric):
            pass

        def observe(self, x):
            pass

        def qparams(self):
            return 0.5

    text = examine("post_training.MinMax", OneNumber).text
    assert "your `qparams` (step 3) returns a float; it should return `scale` and `zero_point`." in " ".join(
        text.split()
    )
