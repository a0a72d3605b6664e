"""The whole gradient by hand, with respect to both towers and the scale."""

import torch
from torch import Tensor

from autograder.exercise import Exercise
from autograder.exercises.ingredients import pairs
from course_lib import contrastive

Gradients = tuple[Tensor, Tensor, Tensor]


def _at_logits(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    return contrastive.grad_wrt_logits(logit_scale * image_features @ text_features.T)


asked = Exercise(
    "infonce.clip_loss_grad",
    title="The whole gradient",
    minutes=15,
    skills=["chain rule", "derivation"],
    reference=contrastive.clip_loss_grad,
    outputs=["gradient of the images", "gradient of the texts", "gradient of the scale"],
    groups={"value": 3},
    cases=[pairs(3, 2, 2.0), pairs(4, 4, 7.0), pairs(6, 3, 20.0)],
    intermediates={"gradient at the logits": _at_logits},
    stretch=True,
    hints=[
        "ℓ_ij = scale · I_i·T_j. Which logits does image i take part in, and which text j?",
        "With G = ∂L/∂ℓ [N, N]: images get scale · G T, [N, D]; texts get the same with G transposed; "
        "the scale gets a sum of all entries, each weighted by a cosine.",
        "G = contrastive.grad_wrt_logits(logits); the texts' gradient is logit_scale * G.T @ image_features; "
        "write the other two.",
    ],
    follow_up="Which of the three gradients vanishes when all positives have probability 1?",
)


@asked.misconception(
    "the text path is forgotten",
    says="Your gradient of the texts is zero, as if the text tower were frozen.",
    asks="Does the loss change when a text feature moves?",
)
def no_text(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    images, texts, scale = contrastive.clip_loss_grad(image_features, text_features, logit_scale)
    return images, torch.zeros_like(texts), scale


@asked.misconception(
    "G is not transposed for the texts",
    says="Text j collects row j of G, which belongs to image j.",
    asks="In which entries of G does text j appear: in a row or in a column?",
)
def not_transposed(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    gradient = _at_logits(image_features, text_features, logit_scale)
    images, _, scale = contrastive.clip_loss_grad(image_features, text_features, logit_scale)
    return images, logit_scale * gradient @ image_features, scale


@asked.misconception(
    "the scale is missing from the features' gradients",
    says="Your features' gradients are logit_scale times too small.",
    asks="What is ∂ℓ_ij/∂I_i?",
)
def no_scale(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    images, texts, scale = contrastive.clip_loss_grad(image_features, text_features, logit_scale)
    return images / logit_scale, texts / logit_scale, scale


@asked.misconception(
    "the gradient of the log-scale",
    says="Your third gradient is that with respect to log(logit_scale): it is weighted with logits.",
    asks="Is ∂ℓ_ij/∂logit_scale the logit or the cosine?",
)
def log_scale(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    images, texts, scale = contrastive.clip_loss_grad(image_features, text_features, logit_scale)
    return images, texts, scale * logit_scale


@asked.misconception(
    "projected on the sphere",
    says="You have applied the Jacobian of a normalisation, which is not part of this function.",
    asks="With respect to which quantities are these gradients: raw embeddings, or the features as given?",
)
def projected(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    images, texts, scale = contrastive.clip_loss_grad(image_features, text_features, logit_scale)
    back = contrastive.normalize_grad
    return back(image_features, images), back(text_features, texts), scale


@asked.misconception(
    "images collect images",
    says="Your image gradient sums image features, and your text gradient text features.",
    asks="What is ∂(I_i·T_j)/∂I_i?",
)
def own_tower(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    gradient = _at_logits(image_features, text_features, logit_scale)
    _, _, scale = contrastive.clip_loss_grad(image_features, text_features, logit_scale)
    return logit_scale * gradient @ image_features, logit_scale * gradient.T @ text_features, scale


@asked.also_correct("matrix products, written out")
def written_out(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    cosines = image_features @ text_features.T
    logits = logit_scale * cosines
    eye = torch.eye(len(logits), dtype=logits.dtype)
    gradient = (logits.softmax(1) + logits.softmax(0) - 2 * eye) / (2 * len(logits))
    return (
        logit_scale * gradient @ text_features,
        logit_scale * gradient.T @ image_features,
        torch.einsum("ij,ij->", gradient, cosines),
    )


@asked.also_correct("autograd")
def by_autograd(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Gradients:
    given = [x.detach().clone().requires_grad_() for x in (image_features, text_features, logit_scale)]
    images, texts, scale = torch.autograd.grad(contrastive.clip_loss(*given), given)
    return images, texts, scale
