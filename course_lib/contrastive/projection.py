"""From what two towers say to features and logits: project, normalise, compare."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.similarity import l2_normalize
from course_lib.validate import check_matrix, check_same_kind, check_scale, check_tensor


class ProjectedPair(NamedTuple):
    """Both sides in one space, and how they compare."""

    image_features: Float[Tensor, "num_images dim"]
    text_features: Float[Tensor, "num_texts dim"]
    logits: Float[Tensor, "num_images num_texts"]


def encode_pair(
    image_states: Float[Tensor, "num_images image_width"],
    text_states: Float[Tensor, "num_texts text_width"],
    image_weight: Float[Tensor, "image_width dim"],
    text_weight: Float[Tensor, "text_width dim"],
    log_scale: Float[Tensor, ""],
) -> ProjectedPair:
    """Project the outputs of two towers into one space, normalise, and compare all with all.

    I = u(X W_image),  T = u(Y W_text),  ℓ = exp(log_scale) · I Tᵀ,  where u divides each row by its length

    Parameters
    ----------
    image_states : Tensor, shape [num_images, image_width], float32 or float64
        X: what the image tower puts out before its last, linear map.
    text_states : Tensor, shape [num_texts, text_width]
        Y: the same of the text tower. Its width may be another, and so may the number of rows.
    image_weight, text_weight : Tensor, shape [image_width, dim], [text_width, dim]
        The last maps, which bring both into one space.
    log_scale : number or 0-d Tensor
        log(1/τ): the parameter that CLIP stores.

    Returns
    -------
    ProjectedPair
        ``image_features`` and ``text_features`` with rows of length 1, and ``logits``, whose entry [i, j]
        belongs to image i and text j.

    Raises
    ------
    TypeError, ValueError
        If a matrix is not finite, non-empty and floating, widths or dtypes do not fit one another, or
        ``log_scale`` is no finite scalar.

    Notes
    -----
    Normalising *before* the projection does not replace normalising after it: a linear map changes lengths.
    Doing both changes nothing but rounding, for the length of x is a factor that the second division removes.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, figure 3 (I_e = l2_normalize(I_f · W_i)).

    Examples
    --------
    >>> import torch
    >>> images, texts = torch.eye(2), torch.ones(3, 1)
    >>> encode_pair(images, texts, 3 * torch.eye(2), torch.ones(1, 2), torch.tensor(0.0)).logits
    tensor([[0.7071, 0.7071, 0.7071],
            [0.7071, 0.7071, 0.7071]])
    """
    matrices = {
        "image_states": image_states,
        "text_states": text_states,
        "image_weight": image_weight,
        "text_weight": text_weight,
    }
    for name, matrix in matrices.items():
        check_matrix(name, matrix, ("rows", "columns"))
        check_same_kind(name, matrix, "image_states", image_states)
    check_scale("log_scale", log_scale)
    check_tensor("log_scale", log_scale)
    for states, weight in (("image_states", "image_weight"), ("text_states", "text_weight")):
        width, rows = matrices[states].shape[1], matrices[weight].shape[0]
        if width != rows:
            raise ValueError(
                f"{weight} must have a row for each of the {width} columns of {states}, got {rows} rows."
            )
    if image_weight.shape[1] != text_weight.shape[1]:
        raise ValueError(
            f"text_weight must lead into the space of image_weight, of width {image_weight.shape[1]}, "
            f"got width {text_weight.shape[1]}."
        )
    return _encode_pair(image_states, text_states, image_weight, text_weight, log_scale)


def _encode_pair(
    image_states: Tensor, text_states: Tensor, image_weight: Tensor, text_weight: Tensor, log_scale: Tensor
) -> ProjectedPair:
    images, texts = l2_normalize(image_states @ image_weight), l2_normalize(text_states @ text_weight)
    return ProjectedPair(images, texts, log_scale.exp() * images @ texts.T)
