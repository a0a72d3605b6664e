"""All four gradients of the sigmoid loss in closed form."""

import torch
from torch import Tensor

from autograder.exercise import Exercise
from autograder.exercises.siglip.siglip_loss import sigmoid_pairs
from course_lib import contrastive
from course_lib.experiments.siglip import loss_as_printed

Gradients = tuple[Tensor, Tensor, Tensor, Tensor]


def _at_logits(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Tensor:
    return contrastive.siglip_grad_wrt_logits(logit_scale * image_features @ text_features.T + logit_bias)


asked = Exercise(
    "siglip.siglip_grads",
    title="The whole gradient",
    minutes=12,
    skills=["chain rule", "derivation", "bias"],
    reference=contrastive.siglip_grads,
    outputs=[
        "gradient of the images",
        "gradient of the texts",
        "gradient of the scale",
        "gradient of the bias",
    ],
    groups={"features": 1, "scale and bias": 2},
    cases=[
        sigmoid_pairs(3, 2, 2.0, -1.0, group="features"),
        sigmoid_pairs(4, 4, 5.0, -2.0, group="scale and bias"),
        sigmoid_pairs(6, 3, 8.0, -3.0, group="scale and bias"),
    ],
    intermediates={"gradient at the logits": _at_logits},
    stretch=True,
    hints=[
        "ℓ_ij = scale · I_i·T_j + b. What is its derivative with respect to I_i, T_j, the scale and b?",
        "With G = ∂L/∂ℓ [N, N]: images get scale · G T, texts the same with G transposed, the scale a sum of G "
        "weighted by cosines, and the bias enters every logit with the factor 1.",
        "G = contrastive.siglip_grad_wrt_logits(logits); the bias gets a plain sum of G over all N² entries, since G has "
        "its 1/N already.",
    ],
    follow_up="At which bias is the last of the four zero for untrained embeddings? (The next section.)",
)


@asked.misconception(
    "the labels are forgotten",
    says="Your G has the same sign everywhere: pairs and non-pairs are pulled together alike.",
    asks="Which sign has ∂L/∂ℓ for a pair, and which for all others?",
)
def no_labels(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    gradient = -_at_logits(image_features, text_features, logit_scale, logit_bias).abs()
    return _carried(gradient, image_features, text_features, logit_scale)


@asked.misconception(
    "the bias gradient is a mean",
    says="Three gradients are right; that of the bias is N² times too small.",
    asks="The bias is added to N² logits. Does its gradient add up what they say, or average it?",
)
def bias_mean(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, texts, scale, bias = contrastive.siglip_grads(
        image_features, text_features, logit_scale, logit_bias
    )
    return images, texts, scale, bias / len(image_features) ** 2


@asked.misconception(
    "the bias gradient is divided by N once more",
    says="Three gradients are right; that of the bias is N times too small.",
    asks="Where is the 1/N of the loss already?",
)
def bias_over_batch(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, texts, scale, bias = contrastive.siglip_grads(
        image_features, text_features, logit_scale, logit_bias
    )
    return images, texts, scale, bias / len(image_features)


@asked.misconception(
    "the bias gradient is multiplied by the scale",
    says="Three gradients are right; that of the bias is logit_scale times too large.",
    asks="What is ∂(scale · s + b)/∂b?",
)
def bias_scaled(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, texts, scale, bias = contrastive.siglip_grads(
        image_features, text_features, logit_scale, logit_bias
    )
    return images, texts, scale, bias * logit_scale


@asked.misconception(
    "the bias listens to the positives only",
    says="Your bias gradient sums the diagonal: b would only ever grow.",
    asks="Which logits contain b?",
)
def bias_from_diagonal(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, texts, scale, _ = contrastive.siglip_grads(image_features, text_features, logit_scale, logit_bias)
    gradient = _at_logits(image_features, text_features, logit_scale, logit_bias)
    return images, texts, scale, gradient.diagonal().sum()


@asked.misconception(
    "the gradients of the printed formula",
    says="Your gradients are those of the loss with the bias outside the sign.",
    asks="In your logits, is the bias multiplied by the label?",
)
def as_printed(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    inputs = (image_features, text_features, logit_scale, logit_bias)
    given = [x.detach().clone().requires_grad_() for x in inputs]
    images, texts, scale, bias = torch.autograd.grad(
        loss_as_printed(given[0], given[1], given[2], given[3]), given
    )
    return images, texts, scale, bias


@asked.misconception(
    "the bias is missing from the logits",
    says="Your gradients are the right ones for a bias of 0.",
    asks="Which logits does your sigmoid see?",
)
def no_bias(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    return contrastive.siglip_grads(image_features, text_features, logit_scale, 0 * logit_bias)


@asked.misconception(
    "the scale's gradient is weighted with logits",
    says="Your third gradient sums G·ℓ instead of G times the cosine.",
    asks="Is ∂ℓ_ij/∂logit_scale the logit or the cosine?",
)
def scale_with_logits(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, texts, _, bias = contrastive.siglip_grads(image_features, text_features, logit_scale, logit_bias)
    logits = logit_scale * image_features @ text_features.T + logit_bias
    gradient = contrastive.siglip_grad_wrt_logits(logits)
    return images, texts, (gradient * logits).sum(), bias


@asked.misconception(
    "the gradient of the log-scale",
    says="Your third gradient is that with respect to log(logit_scale): logit_scale times too large.",
    asks="With respect to which quantity is it asked?",
)
def log_scale(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, texts, scale, bias = contrastive.siglip_grads(
        image_features, text_features, logit_scale, logit_bias
    )
    return images, texts, scale * logit_scale, bias


@asked.misconception(
    "the scale is missing from the features' gradients",
    says="Your features' gradients are logit_scale times too small.",
    asks="What is ∂ℓ_ij/∂I_i?",
)
def no_scale(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, texts, scale, bias = contrastive.siglip_grads(
        image_features, text_features, logit_scale, logit_bias
    )
    return images / logit_scale, texts / logit_scale, scale, bias


@asked.misconception(
    "G is not transposed for the texts",
    says="Text j collects row j of G, which belongs to image j.",
    asks="In which entries of G does text j appear: in a row or in a column?",
)
def not_transposed(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    images, _, scale, bias = contrastive.siglip_grads(image_features, text_features, logit_scale, logit_bias)
    gradient = _at_logits(image_features, text_features, logit_scale, logit_bias)
    return images, logit_scale * gradient @ image_features, scale, bias


def _carried(
    gradient: Tensor, image_features: Tensor, text_features: Tensor, logit_scale: Tensor
) -> Gradients:
    return (
        logit_scale * gradient @ text_features,
        logit_scale * gradient.T @ image_features,
        (gradient * (image_features @ text_features.T)).sum(),
        gradient.sum(),
    )


@asked.also_correct("probability minus truth, with einsum")
def with_einsum(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    cosines = torch.einsum("id,jd->ij", image_features, text_features)
    size = len(cosines)
    gap = torch.sigmoid(logit_scale * cosines + logit_bias) - torch.eye(size, dtype=cosines.dtype)
    return (
        torch.einsum("ij,jd->id", gap, text_features) * logit_scale / size,
        torch.einsum("ij,id->jd", gap, image_features) * logit_scale / size,
        torch.einsum("ij,ij->", gap, cosines) / size,
        gap.mean() * size,
    )


@asked.also_correct("autograd")
def by_autograd(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, logit_bias: Tensor
) -> Gradients:
    inputs = (image_features, text_features, logit_scale, logit_bias)
    given = [x.detach().clone().requires_grad_() for x in inputs]
    loss = contrastive.siglip_loss(given[0], given[1], given[2], given[3])
    images, texts, scale, bias = torch.autograd.grad(loss, given)
    return images, texts, scale, bias
