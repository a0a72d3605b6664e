"""Zero-shot classification: a class is what its prompts have in common."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from course_lib.contrastive.similarity import EPS, l2_normalize
from course_lib.validate import check_array, check_same_width, check_scale, check_tensor


def zero_shot_classifier(
    prompt_embeddings: Float[Tensor, "classes prompts dim"],
) -> Float[Tensor, "classes dim"]:
    """One unit vector for each class: the mean of its normalised prompt embeddings, normalised again.

    u_cp = x_cp/‖x_cp‖,  m_c = (1/P) Σ_p u_cp,  w_c = m_c/‖m_c‖

    Parameters
    ----------
    prompt_embeddings : Tensor, shape [classes, prompts, dim], float32 or float64
        Text embeddings of P prompts for each class, of any length.

    Returns
    -------
    Tensor, shape [classes, dim], dtype of ``prompt_embeddings``
        Class weights. An image belongs to the class with the largest cosine.

    Raises
    ------
    TypeError, ValueError
        If ``prompt_embeddings`` is not a finite, non-empty float tensor with three axes.

    Notes
    -----
    Averaging embeddings costs nothing at test time: the ensemble is one vector, however many prompts made it.
    Without the second normalisation a class whose prompts disagree has a short vector, and loses by that
    alone.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 3.1.4: "we construct the ensemble over the embedding space
    instead of probability space".

    Examples
    --------
    >>> import torch
    >>> prompts = torch.tensor([[[3.0, 0.0], [0.0, 1.0]], [[0.0, -2.0], [0.0, -1.0]]])
    >>> zero_shot_classifier(prompts)
    tensor([[ 0.7071,  0.7071],
            [ 0.0000, -1.0000]])
    """
    check_array("prompt_embeddings", prompt_embeddings, ("classes", "prompts", "dim"))
    classes, prompts, dim = prompt_embeddings.shape
    unit = l2_normalize(prompt_embeddings.reshape(classes * prompts, dim), EPS)
    return l2_normalize(unit.reshape(classes, prompts, dim).mean(dim=1), EPS)


def zero_shot_probabilities(
    image_features: Float[Tensor, "batch dim"],
    class_weights: Float[Tensor, "classes dim"],
    logit_scale: float | Float[Tensor, ""],
) -> Float[Tensor, "batch classes"]:
    """Softmax over the classes of scaled cosines.

    p_ic = exp(logit_scale · I_i·w_c) / Σ_k exp(logit_scale · I_i·w_k)

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    class_weights : Tensor, shape [classes, dim], dtype of ``image_features``
        As `zero_shot_classifier` returns them.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated. It changes how sure the classifier is, never what it answers.

    Returns
    -------
    Tensor, shape [batch, classes], dtype of ``image_features``
        Rows sum to 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite, non-empty float matrix, widths, dtypes or devices differ, or
        ``logit_scale`` is not a finite scalar.

    Examples
    --------
    >>> import torch
    >>> zero_shot_probabilities(torch.tensor([[1.0, 0.0]]), torch.eye(2), 2.0)
    tensor([[0.8808, 0.1192]])
    """
    check_same_width(image_features, class_weights, ("image_features", "class_weights"))
    check_scale("logit_scale", logit_scale)
    return (image_features @ class_weights.T * logit_scale).softmax(dim=1)


def zero_shot_accuracy(
    image_features: Float[Tensor, "batch dim"],
    class_weights: Float[Tensor, "classes dim"],
    labels: Int64[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Share of images whose most similar class is their own.

    (1/N) Σ_i 1[ argmax_c I_i·w_c = y_i ]

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    class_weights : Tensor, shape [classes, dim], dtype of ``image_features``
        As `zero_shot_classifier` returns them.
    labels : Tensor, shape [batch], int64
        Row of the right class, from 0 to classes − 1.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        Between 0 and 1.

    Raises
    ------
    TypeError, ValueError
        If a matrix is not finite, non-empty and float, widths, dtypes or devices differ, or ``labels`` is not
        an int64 vector of such row numbers.

    Notes
    -----
    Of equally similar classes the first one counts as the answer. With classes of unequal size, compare with
    the share of the largest, not with 1/classes.

    Examples
    --------
    >>> import torch
    >>> zero_shot_accuracy(torch.eye(2), torch.eye(2), torch.tensor([0, 0]))
    tensor(0.5000)
    """
    check_same_width(image_features, class_weights, ("image_features", "class_weights"))
    check_tensor("labels", labels)
    if labels.dtype != torch.int64:
        raise TypeError(f"labels must be torch.int64, got {labels.dtype}.")
    if labels.shape != image_features.shape[:1]:
        raise ValueError(
            f"labels must have one entry for each image: expected [{len(image_features)}], "
            f"got {list(labels.shape)}."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(class_weights):
        raise ValueError(
            f"labels must lie between 0 and {len(class_weights) - 1}, got {low if low < 0 else high}."
        )
    answers = (image_features @ class_weights.T).argmax(dim=1)
    return (answers == labels).to(image_features.dtype).mean()
