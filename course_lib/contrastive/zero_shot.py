"""Zero-shot classification: a classifier made of sentences."""

from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.similarity import l2_normalize
from course_lib.validate import check_array


def zero_shot_classifier(
    prompt_embeddings: Float[Tensor, "num_classes num_prompts dim"],
) -> Float[Tensor, "num_classes dim"]:
    """Make one unit vector for each class, from the embeddings of its prompts.

    w_c = u( (1/P) Σ_p u(y_cp) ),  u(v) = v/‖v‖

    Parameters
    ----------
    prompt_embeddings : Tensor, shape [num_classes, num_prompts, dim], float32 or float64
        y_cp: text embeddings of P prompts ("a picture of a dog", "a drawing of a dog") for each class; they
        need not be normalised.

    Returns
    -------
    Tensor, shape [num_classes, dim], dtype of ``prompt_embeddings``
        Rows of length 1. The logits of unit image features I are logit_scale · I wᵀ.

    Raises
    ------
    TypeError, ValueError
        If ``prompt_embeddings`` is not a finite, non-empty float tensor with three axes.

    Notes
    -----
    Without the outer normalisation a class whose prompts disagree would have a short vector, and all its
    logits would lie nearer to 0. That is also what averaging *logits* over prompts gives, for the mean is
    linear. A zero row stays zero, as in `l2_normalize`.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 3.1.4 ("we construct the ensemble over the embedding space
    instead of probability space"); open_clip, ``build_zero_shot_classifier``.

    Examples
    --------
    >>> import torch
    >>> zero_shot_classifier(torch.tensor([[[3.0, 0.0], [0.0, 5.0]], [[0.0, 2.0], [0.0, 1.0]]]))
    tensor([[0.7071, 0.7071],
            [0.0000, 1.0000]])
    """
    check_array("prompt_embeddings", prompt_embeddings, ("num_classes", "num_prompts", "dim"))
    return _zero_shot_classifier(prompt_embeddings)


def _zero_shot_classifier(prompt_embeddings: Tensor) -> Tensor:
    classes, prompts, dim = prompt_embeddings.shape
    units = l2_normalize(prompt_embeddings.reshape(classes * prompts, dim))
    return l2_normalize(units.reshape(classes, prompts, dim).mean(dim=1))
