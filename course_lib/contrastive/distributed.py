"""Contrastive losses of a batch that is spread over processes, on top of ``torch.distributed``.

Every rank r of W holds n = N/W pairs, and gets the loss L_r of its own rows against the whole batch. The
conventions are the same for both losses:

- **Value.** L_r differs from rank to rank; the mean over ranks (1/W) Σ_r L_r is the loss L of the whole batch
  in one process.
- **Gradients of features.** Rank r's features also stand in the other ranks' losses, as their negatives. The
  backward pass brings these parts home, so rank r gets ∂(Σ_q L_q)/∂(its features) = W · ∂L/∂(its features): W
  times what a single process has for these rows.
- **Gradients of parameters.** Averaged over ranks, as DistributedDataParallel does, they are those of L: the
  average's 1/W cancels the W. With gradients summed over ranks instead, divide the loss by W.
- **Scale and bias.** Rank r gets ∂L_r/∂logit_scale, a part of W · ∂L/∂logit_scale; the average over ranks is
  ∂L/∂logit_scale. Likewise for the bias.

Whoever gathers features without their gradients loses the other ranks' parts, which are no smaller than the
own one; the average's 1/W then makes the rest too small as well, and no loss value shows it.
"""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from course_lib.contrastive import infonce, siglip
from course_lib.contrastive._ranks import Ranks, all_gather, from_left
from course_lib.contrastive._tiles import TILE
from course_lib.contrastive.siglip_chunked import _siglip_loss_chunked
from course_lib.contrastive.softmax import _log_softmax_rows


def distributed_clip_loss(
    image_features: Float[Tensor, "local dim"],
    text_features: Float[Tensor, "local dim"],
    logit_scale: float | Float[Tensor, ""],
    group: Any = None,
) -> Float[Tensor, ""]:
    """`clip_loss` of all ranks' pairs together: this rank's rows against all columns, in both directions.

    L_r = −(1/2n) Σ_{i of rank r} [ log softmax_j(ℓ_ij)[i] + log softmax_j(ℓ_ji)[i] ],  j over all N pairs

    Parameters
    ----------
    image_features : Tensor, shape [local, dim], float32 or float64
        Unit vectors of this rank's pairs: as many on every rank.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated, equal on every rank; gradients flow to a tensor.
    group : ProcessGroup, default the process group of all ranks
        Ranks whose pairs make up the batch. Where no process group was initialised, this process is the only
        rank, and the loss is `clip_loss`.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        L_r. Its mean over ranks is the loss of the whole batch, and gradients averaged over ranks are those
        of the whole batch; see the module for the factors.

    Raises
    ------
    TypeError, ValueError
        As for `clip_loss`, or if features differ in shape between ranks, or this process is not in ``group``.
    RuntimeError
        If the backward pass is to be differentiated, too (``create_graph=True``): `clip_loss` can be.

    Notes
    -----
    All ranks must call it, and ask for the same gradients, or they wait for each other for ever. Both kinds
    of features are gathered, 2 · batch · dim numbers, and two matrices of [local, batch] logits are held: the
    memory of one rank grows with the whole batch.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 2.5; open_clip's ``ClipLoss`` with ``local_loss`` and
    ``gather_with_grad``. On lost gradients: github.com/mlfoundations/open_clip/issues/616,
    github.com/texttron/tevatron/issues/30.

    Examples
    --------
    >>> import torch
    >>> distributed_clip_loss(torch.eye(3), torch.eye(3), 2.0)  # no process group: clip_loss
    tensor(0.2395)
    """
    infonce._check(image_features, text_features, logit_scale)
    ranks = Ranks.of(group)
    ranks.check_equal_shapes("image_features", image_features)
    all_images = all_gather(image_features, ranks, "distributed_clip_loss", instead="clip_loss")
    all_texts = all_gather(text_features, ranks, "distributed_clip_loss", instead="clip_loss")
    rows = _positive_log_probabilities(image_features, all_texts, logit_scale, ranks.rank)
    columns = _positive_log_probabilities(text_features, all_images, logit_scale, ranks.rank)
    return -(rows.mean() + columns.mean()) / 2


def distributed_siglip_loss(
    image_features: Float[Tensor, "local dim"],
    text_features: Float[Tensor, "local dim"],
    logit_scale: float | Float[Tensor, ""],
    logit_bias: float | Float[Tensor, ""],
    group: Any = None,
) -> Float[Tensor, ""]:
    """`siglip_loss` of all ranks' pairs together: this rank's images against texts that go round in a ring.

    L_r = −(1/n) Σ_{i of rank r} Σ_j log σ( z_ij (logit_scale · I_i·T_j + logit_bias) ),  j over all N texts

    Each rank passes the texts that it has just used to its right neighbour and gets the left one's: W − 1
    exchanges, after which every image has met every text. Positives occur only among the rank's own texts.

    Parameters
    ----------
    image_features : Tensor, shape [local, dim], float32 or float64
        Unit vectors of this rank's pairs: as many on every rank.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated, equal on every rank; gradients flow to a tensor.
    logit_bias : float or 0-d Tensor
        b, added to every logit, equal on every rank; gradients flow to a tensor.
    group : ProcessGroup, default the process group of all ranks
        Ranks whose pairs make up the batch. Where no process group was initialised, this process is the only
        rank, and the loss is `siglip_loss`.

    Returns
    -------
    Tensor, 0-d, dtype of ``image_features``
        L_r. Its mean over ranks is the loss of the whole batch, and gradients averaged over ranks are those
        of the whole batch; see the module for the factors.

    Raises
    ------
    TypeError, ValueError
        As for `siglip_loss`, or if features differ in shape between ranks, or this process is not in
        ``group``.
    RuntimeError
        If the backward pass is to be differentiated, too (``create_graph=True``): `siglip_loss` can be.

    Notes
    -----
    All ranks must call it, and ask for the same gradients, or they wait for each other for ever. A rank
    compares its images with one rank's texts at a time, in blocks as `siglip_loss_chunked` does. The texts'
    gradients travel the ring backwards.

    References
    ----------
    Zhai et al. 2023, arXiv:2303.15343, section 3.3 and figure 1.

    Examples
    --------
    >>> import torch
    >>> distributed_siglip_loss(torch.eye(2), torch.eye(2), 0.0, 0.0)  # no process group: siglip_loss
    tensor(1.3863)
    """
    siglip._check(image_features, text_features, logit_scale, logit_bias)
    ranks = Ranks.of(group)
    ranks.check_equal_shapes("image_features", image_features)
    loss, texts = image_features.new_zeros(()), text_features
    for exchange in range(ranks.size):
        if exchange > 0:
            texts = from_left(texts, ranks, "distributed_siglip_loss", instead="siglip_loss")
        loss = loss + _siglip_loss_chunked(
            image_features, texts, logit_scale, logit_bias, TILE, with_positives=exchange == 0
        )
    return loss


def _positive_log_probabilities(
    queries: Tensor, candidates: Tensor, logit_scale: float | Tensor, rank: int
) -> Tensor:
    logits = infonce._logits(queries, candidates, logit_scale)
    # Query i of this rank is pair rank · local + i of the whole batch.
    return _log_softmax_rows(logits).diagonal(offset=rank * len(queries))
