"""The modality gap: how far the images of a joint space lie from its texts."""

from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive.similarity import l2_normalize
from course_lib.validate import check_same_width


def modality_gap(
    image_embeddings: Float[Tensor, "num_images dim"], text_embeddings: Float[Tensor, "num_texts dim"]
) -> Float[Tensor, ""]:
    """Distance between the mean image and the mean text, each a mean of unit vectors.

    gap = ‖ (1/N) Σ_i u(x_i) − (1/M) Σ_j u(y_j) ‖,  u(v) = v/‖v‖

    Parameters
    ----------
    image_embeddings : Tensor, shape [num_images, dim], float32 or float64
        x; rows are normalised here, so features may come as well.
    text_embeddings : Tensor, shape [num_texts, dim]
        y, of the same width and dtype; their number may differ.

    Returns
    -------
    Tensor, 0-d
        From 0, where both means coincide, to 2, where all images are one point and all texts its opposite.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite, non-empty float matrix, or the two differ in width, dtype or device.

    Notes
    -----
    The gap is a distance of means, not a mean of distances: pairs may be far apart though the means coincide.
    Two finite samples of one distribution have a gap of about √((1 − ‖mean‖²)(1/N + 1/M)), not 0.

    References
    ----------
    Liang et al. 2022, "Mind the Gap", arXiv:2203.02053, section 2.

    Examples
    --------
    >>> import torch
    >>> modality_gap(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, 3.0]]))
    tensor(1.4142)
    """
    check_same_width(image_embeddings, text_embeddings)
    return _modality_gap(image_embeddings, text_embeddings)


def _modality_gap(image_embeddings: Tensor, text_embeddings: Tensor) -> Tensor:
    difference = l2_normalize(image_embeddings).mean(dim=0) - l2_normalize(text_embeddings).mean(dim=0)
    return difference.norm()
