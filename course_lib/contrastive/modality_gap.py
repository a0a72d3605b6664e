"""The modality gap: images and texts of a joint space live in two regions of it."""

from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from course_lib.validate import check_paired


def modality_gap(
    image_features: Float[Tensor, "batch dim"], text_features: Float[Tensor, "batch dim"]
) -> Float[Tensor, ""]:
    """Distance between the centre of the image features and the centre of the text features.

    gap = ‖ (1/N) Σ_i I_i − (1/N) Σ_j T_j ‖₂

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i, though pairing does not matter here.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        From 0 (one centre) to 2 (two opposite points).

    Raises
    ------
    TypeError, ValueError
        If the features are not finite, non-empty float matrices of one shape, dtype and device.

    Notes
    -----
    The centres of unit vectors lie inside the sphere and are *not* scaled back to it. A gap costs no recall
    by itself: moving all texts by one vector adds the same number to a whole row of similarities.

    References
    ----------
    Liang et al. 2022, "Mind the gap", arXiv:2203.02053, section 2.

    Examples
    --------
    >>> import torch
    >>> modality_gap(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
    tensor(1.)
    """
    check_paired(image_features, text_features)
    return vector_norm(image_features.mean(dim=0) - text_features.mean(dim=0))


def modality_share(
    image_features: Float[Tensor, "batch dim"], text_features: Float[Tensor, "batch dim"]
) -> Float[Tensor, ""]:
    """Share of the variance of all features that only says which modality a feature belongs to.

    share = (gap/2)² / V,  V = 1/(2N) Σ_u ‖u − m‖², m the mean over all 2N features u

    Parameters
    ----------
    image_features : Tensor, shape [batch, dim], float32 or float64
        Unit vectors.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        From 0 (no gap) to 1 (two points, nothing else). Where all features are one point, 0.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite, non-empty float matrices of one shape, dtype and device.

    Notes
    -----
    The variance between the two centres is (gap/2)², since each lies half the gap away from their mean. A
    distance alone cannot be judged: 0.3 is much among features that are 0.4 apart, and little among those
    that are 1.4 apart.

    Examples
    --------
    >>> import torch
    >>> modality_share(torch.eye(2), -torch.eye(2))
    tensor(0.5000)
    """
    check_paired(image_features, text_features)
    centres = image_features.mean(dim=0), text_features.mean(dim=0)
    middle = (centres[0] + centres[1]) / 2
    spread = [((features - middle) ** 2).sum(dim=1).mean() for features in (image_features, text_features)]
    total = (spread[0] + spread[1]) / 2
    between = ((centres[0] - centres[1]) ** 2).sum() / 4
    # One point has neither variance nor gap: 0/0 is meant to be 0.
    return between / total.clamp_min(between.new_tensor(1e-30))
