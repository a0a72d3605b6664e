"""One batch over several processes: the losses that a rank computes, and what it has to exchange for them.

A rank is one of ``world_size`` processes, and holds n pairs of the batch of N = world_size · n. Gradients of
shared weights are averaged over the ranks afterwards (as DistributedDataParallel does), so a rank's loss is
scaled such that the average is the gradient of the whole batch's loss.

Here to be read, and to run over any group, a simulated one too: a group is whatever has the few members of
`Group`. For training there are `distributed_clip_loss` and `distributed_siglip_loss`.
"""

from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_lib.contrastive.infonce import _check, _logits
from course_lib.validate import check_scale


class Group(Protocol):
    """What a rank needs of its group; every rank makes the same calls in the same order."""

    rank: int
    world_size: int

    def all_gather(self, tensor: Tensor) -> Tensor:
        """Every rank's tensor, stacked in the order of ranks, without gradients."""

    def reduce_scatter(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks of their ``tensor[rank]``."""

    def shift(self, tensor: Tensor) -> Tensor:
        """Hand a tensor to the next rank and get the previous one's; gradients travel back the same way."""


class TorchGroup:
    """The processes of ``torch.distributed``, after ``init_process_group``.

    Examples
    --------
    >>> import tempfile, torch
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     store = torch.distributed.FileStore(file.name, 1)
    ...     torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    ...     gathered = TorchGroup().all_gather(torch.ones(2, 3))
    ...     torch.distributed.destroy_process_group()
    >>> gathered.shape
    torch.Size([1, 2, 3])
    """

    def __init__(self) -> None:
        self.rank = torch.distributed.get_rank()
        self.world_size = torch.distributed.get_world_size()

    def all_gather(self, tensor: Tensor) -> Tensor:
        """Every rank's tensor, stacked in the order of ranks, without gradients."""
        mine = tensor.detach().contiguous()
        everyone = [torch.empty_like(mine) for _ in range(self.world_size)]
        torch.distributed.all_gather(everyone, mine)
        return torch.stack(everyone)

    def reduce_scatter(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks of their ``tensor[rank]``."""
        # By way of an all-reduce: gloo, which every machine has, knows no reduce-scatter in older releases.
        total = tensor.detach().clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total[self.rank]

    def shift(self, tensor: Tensor) -> Tensor:
        """Hand a tensor to the next rank and get the previous one's; gradients travel back the same way."""
        return _Shift.apply(tensor, self)

    def _pass(self, tensor: Tensor, steps: int) -> Tensor:
        if self.world_size == 1:
            return tensor.clone()
        mine = tensor.detach().contiguous()
        received = torch.empty_like(mine)
        to, source = ((self.rank + sign * steps) % self.world_size for sign in (1, -1))
        # Sending does not wait: if every rank received first, all would wait for ever.
        sending = torch.distributed.isend(mine, to)
        torch.distributed.recv(received, source)
        assert sending is not None  # as it is only for ranks outside the group
        sending.wait()
        return received


class _Shift(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, group: TorchGroup) -> Tensor:
        ctx.group = group
        return group._pass(tensor, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return ctx.group._pass(gradients[0], -1), None


class _AllGather(torch.autograd.Function):
    """An all-gather that can be differentiated.

    Every rank used a copy of this rank's tensor, so its gradient is the sum of what all of them return.
    """

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return group.all_gather(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return ctx.group.reduce_scatter(gradients[0]), None


def gathered_clip_loss(
    image_features: Float[Tensor, "shard dim"],
    text_features: Float[Tensor, "shard dim"],
    logit_scale: float | Float[Tensor, ""],
    group: Group,
) -> Float[Tensor, ""]:
    """One rank's share of `clip_loss` over the batches of all ranks, from gathered features.

    L_r = (1/2n) Σ_{i on rank r} [ (log Σ_j exp ℓ_ij − ℓ_ii) + (log Σ_j exp ℓ_ji − ℓ_ii) ],  j over all N
    pairs

    Parameters
    ----------
    image_features : Tensor, shape [shard, dim], float32 or float64
        This rank's unit vectors; every rank has equally many.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale : float or 0-d Tensor
        1/τ, already exponentiated, the same on every rank.
    group : Group
        The ranks, for instance a `TorchGroup`.

    Returns
    -------
    Tensor, 0-d
        The mean over the ranks is the loss of the whole batch, and the mean over the ranks of the gradients
        of shared weights is its gradient.

    Raises
    ------
    TypeError, ValueError
        As for `clip_loss`.

    Notes
    -----
    Two all-gathers forward, two reduce-scatters backward, and n×N logits on each rank instead of N×N. The
    gather is differentiated: without that, a rank's features would get no gradient as other ranks' negatives.

    References
    ----------
    Radford et al. 2021, arXiv:2103.00020, section 2.5 ("local" similarities); open_clip's ``local_loss`` with
    ``gather_with_grad``.
    """
    _check(image_features, text_features, logit_scale)
    all_images, all_texts = (
        _AllGather.apply(local, group).flatten(0, 1) for local in (image_features, text_features)
    )
    rows = _logits(image_features, all_texts, logit_scale)
    columns = _logits(text_features, all_images, logit_scale)
    # The pairs of rank r stand in columns r·n, r·n + 1, ...
    positives = rows.diagonal(offset=group.rank * len(rows))
    return ((rows.logsumexp(dim=1) + columns.logsumexp(dim=1)) / 2 - positives).mean()


def ring_siglip_loss(
    image_features: Float[Tensor, "shard dim"],
    text_features: Float[Tensor, "shard dim"],
    logit_scale: float | Float[Tensor, ""],
    logit_bias: float | Float[Tensor, ""],
    group: Group,
) -> Float[Tensor, ""]:
    """One rank's share of `siglip_loss`, with the texts travelling round a ring.

    L_r = −(1/n) Σ_{i on rank r} Σ_{j on any rank} log σ( z_ij (logit_scale · I_i·T_j + logit_bias) )

    Parameters
    ----------
    image_features : Tensor, shape [shard, dim], float32 or float64
        This rank's unit vectors; every rank has equally many.
    text_features : Tensor, shape and dtype of ``image_features``
        Unit vectors; row i belongs to image i.
    logit_scale, logit_bias : float or 0-d Tensor
        The same on every rank.
    group : Group
        The ranks, for instance a `TorchGroup`.

    Returns
    -------
    Tensor, 0-d
        The mean over the ranks is the loss of the whole batch, and the mean over the ranks of the gradients
        of shared weights is its gradient.

    Raises
    ------
    TypeError, ValueError
        As for `siglip_loss`.

    Notes
    -----
    world_size − 1 exchanges with a neighbour, and never more than one other rank's texts in memory: pairs are
    independent, so no rank needs to see all texts at once. A softmax over rows would need a running
    log-sum-exp that travels along.

    References
    ----------
    Zhai et al. 2023, arXiv:2303.15343, section 3.3 and figure 1.
    """
    _check(image_features, text_features, logit_scale)
    check_scale("logit_bias", logit_bias)
    total = image_features.new_zeros(())
    texts = text_features
    for step in range(group.world_size):
        if step:
            texts = group.shift(texts)
        logits = _logits(image_features, texts, logit_scale) + logit_bias
        # Only in the first block do texts meet their own images.
        labels = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1 if step == 0 else -1
        total = total - logsigmoid(labels * logits).sum()
    return total / len(image_features)
