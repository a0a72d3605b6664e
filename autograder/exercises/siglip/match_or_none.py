"""The best text for each image, or none of them."""

import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import contrastive


def _candidates(images: int, texts: int, threshold: float) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        logits = 2.5 * rng.normal(size=(images, texts)) - 1.0
        logits[0] = -3.0 - rng.uniform(size=texts)  # an image that matches nothing
        # Two texts that are likely enough, the better one later; and one far above every threshold.
        logits[1, :3] = [2.2, 3.5, -2.0]
        logits[2, :3] = [-4.0, -3.0, 4.0]
        # Between the threshold as a probability and as a logit, on both sides of each.
        logits[3] = -6.0
        logits[3, 1] = 0.65 if threshold >= 0.7 else 0.1
        return {"logits": logits, "threshold": threshold}

    return case(f"{images} images, {texts} texts and threshold {threshold:g}", make)


asked = Exercise(
    "siglip.match_or_none",
    title="A decision, not a ranking",
    minutes=8,
    skills=["threshold", "retrieval", "open set"],
    reference=contrastive.match_or_none,
    outputs=["match"],
    groups={"value": 2},
    exact=True,
    cases=[_candidates(5, 4, 0.5), _candidates(6, 6, 0.3), _candidates(8, 3, 0.8)],
    hints=[
        "Two questions for each image: which text is best, and is the best one good enough? Only the second one needs a "
        "probability.",
        "The row's maximum and its column; the sigmoid of the maximum, compared with the threshold; −1 where it is less.",
        "best, column = logits.max(dim=1); then torch.where of a condition on torch.sigmoid(best), column, and −1.",
    ],
    follow_up="Which threshold would you choose if a wrong caption costs ten times as much as none?",
)


@asked.misconception(
    "the softmax of the row",
    says="Your probabilities of a row sum to 1: the candidates compete, so that a single poor one is certain.",
    asks="What does your function answer for one image and one text that do not match?",
    source="open_clip#716: a SigLIP probability of 0.22 taken for a mistake, and a softmax suggested",
)
def softmax(logits: Tensor, threshold: float) -> Tensor:
    best, column = logits.softmax(dim=1).max(dim=1)
    return torch.where(best >= threshold, column, -1)


@asked.misconception(
    "the threshold is compared with logits",
    says="You compare a logit with a probability: your rule is σ(ℓ) ≥ σ(threshold).",
    asks="Which logit has the probability 0.5?",
)
def on_logits(logits: Tensor, threshold: float) -> Tensor:
    best, column = logits.max(dim=1)
    return torch.where(best >= threshold, column, -1)


@asked.misconception(
    "the threshold is always one half",
    says="You accept every logit above 0, whatever the threshold.",
    asks="Where does the second argument enter?",
)
def always_half(logits: Tensor, threshold: float) -> Tensor:
    return contrastive.match_or_none(logits, 0.5)


@asked.misconception(
    "never none",
    says="You always return the best text, however poor it is: a ranking.",
    asks="What should be returned for an image whose best text has the probability 0.01?",
)
def always_best(logits: Tensor, threshold: float) -> Tensor:
    return logits.argmax(dim=1)


@asked.misconception(
    "the first that is good enough",
    says="You return the first text above the threshold, not the best.",
    asks="If two texts are likely enough, which one do you want?",
)
def first_accepted(logits: Tensor, threshold: float) -> Tensor:
    accepted = torch.sigmoid(logits) >= threshold
    return torch.where(accepted.any(dim=1), accepted.double().argmax(dim=1), -1)


@asked.misconception(
    "the best image for each text",
    says="You search down the columns: your answers are images, one for each text.",
    asks="Whose candidates stand in one row?",
)
def columns(logits: Tensor, threshold: float) -> Tensor:
    return contrastive.match_or_none(logits.T, threshold)


@asked.misconception(
    "the rule is turned around",
    says="You answer −1 where the best text is good enough, and a text where it is not.",
    asks="Which of the two cases is “none of these”?",
)
def turned(logits: Tensor, threshold: float) -> Tensor:
    best, column = logits.max(dim=1)
    return torch.where(torch.sigmoid(best) < threshold, column, -1)


@asked.misconception(
    "0 for none",
    says="Your “none of these” is 0, which is also the number of the first text.",
    asks="How can somebody who reads your result tell the two apart?",
)
def zero_for_none(logits: Tensor, threshold: float) -> Tensor:
    return contrastive.match_or_none(logits, threshold).clamp(min=0)


@asked.misconception(
    "accepted or not, but not which",
    says="You return whether each image has a match, not which text it is.",
    asks="What is to be returned for an image that has one?",
)
def only_whether(logits: Tensor, threshold: float) -> Tensor:
    return torch.sigmoid(logits.amax(dim=1)) >= threshold


@asked.also_correct("the threshold turned into a logit")
def as_logit(logits: Tensor, threshold: float) -> Tensor:
    cut = torch.logit(torch.tensor(threshold, dtype=torch.float64))
    match = logits.argmax(dim=1)
    match[logits.amax(dim=1) < cut] = -1
    return match


@asked.also_correct("image by image")
def by_loop(logits: Tensor, threshold: float) -> Tensor:
    found = []
    for row in logits:
        chance, place = torch.sigmoid(row).max(dim=0)
        found.append(int(place) if chance >= threshold else -1)
    return torch.tensor(found)
