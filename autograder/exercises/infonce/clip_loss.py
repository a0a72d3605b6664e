"""The symmetric InfoNCE loss."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from autograder.exercise import Exercise
from autograder.exercises.ingredients import pairs
from course_lib import contrastive

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def _logits(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return logit_scale * image_features @ text_features.T


def _both(logits: Tensor, labels: Tensor) -> Tensor:
    return (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2


asked = Exercise(
    "infonce.clip_loss",
    title="Both directions",
    minutes=15,
    skills=["softmax", "symmetry", "cross-entropy"],
    reference=contrastive.clip_loss,
    outputs=["loss"],
    gradients_of=["image_features", "text_features", "logit_scale"],
    groups={"value": 1, "gradient": 1, "stability": 1},
    cases=[pairs(3, 2, 2.0), pairs(7, 5, 8.0), pairs(4, 3, 1000.0, group="stability", magnitude=1000)],
    intermediates={
        "logits": _logits,
        "image-to-text log-probabilities": lambda **case: contrastive.log_softmax_rows(_logits(**case)),
        "text-to-image log-probabilities": lambda **case: contrastive.log_softmax_rows(_logits(**case).T),
    },
    write_yourself=[
        "course_lib.contrastive.infonce:image_to_text_loss",
        "course_lib.contrastive.infonce:text_to_image_loss",
    ],
    hints=[
        "Each image must pick its text out of N, and each text its image. Both use the same N×N logits.",
        "logits [N, N]; row-wise log-softmax for images, column-wise for texts (the transpose's rows); "
        "from each take the diagonal, average, negate; then average the two.",
        "logits = ...; rows = contrastive.log_softmax_rows(logits); columns = the same of logits.T; "
        "the loss is minus the mean of both diagonals.",
    ],
    follow_up="What changes if two captions in the batch fit the same image?",
)


@asked.misconception(
    "one direction only",
    says="Your loss and its gradients equal the image-to-text half.",
    asks="Over which axis does the text-to-image softmax run?",
)
def one_direction(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.image_to_text_loss(image_features, text_features, logit_scale)


@asked.misconception(
    "the same direction twice",
    says="Both of your halves normalise over the same axis.",
    asks="What has to be transposed for the second half?",
    same_as="one_direction: the average of a half with itself is that half",
)
def same_side_twice(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    labels = torch.arange(len(image_features))
    logits = _logits(image_features, text_features, logit_scale)
    return (cross_entropy(logits, labels) + cross_entropy(logits, labels)) / 2


@asked.misconception(
    "the other direction only",
    says="Your loss and its gradients equal the text-to-image half.",
    asks="Over which axis does the image-to-text softmax run?",
)
def other_direction(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.text_to_image_loss(image_features, text_features, logit_scale)


@asked.misconception(
    "the features are normalised again",
    says="Your loss is right, but your gradients have lost their component along each feature.",
    asks="The features arrive normalised. Who normalises in this function's contract, and what does doing it "
    "twice do to the derivative?",
)
def normalised_again(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    normalize = contrastive.l2_normalize
    return contrastive.clip_loss(normalize(image_features), normalize(text_features), logit_scale)


@asked.misconception(
    "softmax twice",
    says="You give probabilities to a cross-entropy, which takes its own softmax of them.",
    asks="Does the function that you call expect logits or probabilities?",
)
def double_softmax(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale)
    labels = torch.arange(len(logits))
    halves = [cross_entropy(one.softmax(dim=1), labels) for one in (logits, logits.T)]
    return torch.stack(halves).mean()


@asked.misconception(
    "sum instead of mean over the batch",
    says="Your loss is N times too large, so its gradient grows with the batch.",
    asks="What stands in front of the sum over i?",
)
def summed(right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return right(image_features, text_features, logit_scale) * len(image_features)


@asked.misconception(
    "not halved",
    says="You add the two directions; your loss is twice the mean of them.",
    asks="What is the loss of a batch whose logits are all equal: log N, or more?",
)
def not_halved(right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return 2 * right(image_features, text_features, logit_scale)


@asked.misconception(
    "the sign is missing",
    says="You return the mean log-probability: minimising it would push the pairs apart.",
    asks="Which sign does −log p have?",
)
def sign(right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return -right(image_features, text_features, logit_scale)


@asked.misconception(
    "the positive is missing from the denominator",
    says="Your denominator sums over the negatives only, so it is not a softmax and the loss can be negative.",
    asks="Does j = i belong to the sum over j?",
)
def positive_missing(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale)
    negatives = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), -torch.inf)
    normalisers = negatives.logsumexp(dim=1) + negatives.logsumexp(dim=0)
    return (normalisers / 2 - logits.diagonal()).mean()


@asked.misconception(
    "every label is 0",
    says="You ask every row to pick the first column.",
    asks="Where in row i does the matching text stand?",
)
def labels_zero(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale)
    return _both(logits, torch.zeros(len(logits), dtype=torch.long))


@asked.misconception(
    "the scale is exponentiated again",
    says="Your loss is the right one at the scale exp(logit_scale).",
    asks="Does logit_scale arrive as a logarithm, or already exponentiated?",
    source="LAION-AI/CLAP#57, open_clip#104: log-scale, scale and temperature mixed up",
)
def exponentiated(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale.exp())
    return _both(logits, torch.arange(len(logits)))


@asked.misconception(
    "divides by the scale",
    says="Your loss is the right one at the scale 1/logit_scale.",
    asks="logit_scale is 1/τ. Which of the two divides?",
    source="BLEEP#5: multiplied in one place, divided in another",
)
def divides(right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return right(image_features, text_features, 1 / logit_scale)


@asked.misconception(
    "one tower is detached",
    says="Your loss is right, but no gradient reaches the texts.",
    asks="Is there a .detach(), .data or no_grad on the way from text_features to the loss?",
)
def detached_tower(right: Loss, image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return right(image_features, text_features.detach(), logit_scale)


@asked.misconception(
    "exponentials without a shift",
    says="It is right at small scales; at scale 1000 exp overflows.",
    asks="Which function from the previous exercise avoids exp of a large number?",
)
def no_shift(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    exponentials = _logits(image_features, text_features, logit_scale).exp()
    positives = exponentials.diagonal()
    rows, columns = (positives / exponentials.sum(dim) for dim in (1, 0))
    return -(rows.log().mean() + columns.log().mean()) / 2


@asked.also_correct("two cross-entropies")
def with_cross_entropy(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale)
    return _both(logits, torch.arange(len(logits)))


@asked.also_correct("logsumexp")
def with_logsumexp(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    logits = _logits(image_features, text_features, logit_scale)
    return (logits.logsumexp(0) / 2 + logits.logsumexp(1) / 2 - logits.diagonal()).mean()


@asked.also_correct("the traces of two log-softmaxes")
def with_traces(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    logits = torch.einsum("id,jd->ij", image_features, text_features).mul(logit_scale)
    rows, columns = torch.log_softmax(logits, dim=1), torch.log_softmax(logits, dim=0)
    return (rows + columns).trace() / (-2 * len(logits))
