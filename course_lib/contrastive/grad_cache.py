"""Gradient caching: the step of a big batch with the activations of a small one."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.validate import check_int, check_not_empty, check_tensor

Encoder = Callable[[Tensor], Tensor]


def grad_cache_step(
    image_encoder: Encoder,
    text_encoder: Encoder,
    images: Tensor,
    texts: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    chunk_size: int,
) -> Float[Tensor, ""]:
    """One step's loss and gradients for the whole batch, with one chunk's activations at a time.

    ∂L/∂θ = Σ_chunks (∂L/∂features of the chunk) · (∂features of the chunk/∂θ)

    1. Encode every chunk without a graph, keep the features and the random state before each chunk.
    2. Take the loss of all features, and its gradient with respect to them: the cache.
    3. Encode every chunk again, with the same random state and a graph, and send its part of the cache
       backward through the encoder.

    Parameters
    ----------
    image_encoder, text_encoder : callable
        From a chunk of inputs to its features, [chunk, dim]. Their trainable weights get gradients.
    images, texts : Tensor, shape [batch, ...]
        Inputs; row i of both is pair i.
    loss_fn : callable
        ``loss_fn(image_features, text_features)`` of all features, a 0-d tensor. What else it depends on,
        such as a learnable scale, gets its gradient too.
    chunk_size : int, at least 1
        Rows encoded at a time. It need not divide the batch and may exceed it.

    Returns
    -------
    Tensor, 0-d
        The loss, detached. Gradients have been *added* to the ``.grad`` of everything trainable, as by
        ``loss.backward()``.

    Raises
    ------
    TypeError, ValueError
        If the inputs are not tensors with equally many rows, at least one, or ``chunk_size`` is not an
        integer of at least 1.

    Notes
    -----
    Every row is encoded twice, which costs one more forward pass (about a third of a step).

    Dropout and other randomness from torch's generators draw the same numbers in both passes; afterwards the
    generators stand where the first pass left them. Randomness from elsewhere (numpy, Python) is not
    replayed.

    Where a row's features depend on the other rows of its chunk, this is *not* the step of the whole batch:
    BatchNorm normalises over a chunk, and its running statistics are updated twice.

    References
    ----------
    Gao et al. 2021, *Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup*,
    arXiv:2101.06983.

    Examples
    --------
    >>> import torch
    >>> from course_lib.contrastive import clip_loss
    >>> weight = torch.eye(2, requires_grad=True)
    >>> encoder = lambda x: x @ weight
    >>> x = torch.eye(2)
    >>> grad_cache_step(encoder, encoder, x, x, lambda i, t: clip_loss(i, t, 0.0), chunk_size=1)
    tensor(0.6931)
    """
    for name, value in (("images", images), ("texts", texts)):
        check_tensor(name, value)
        check_not_empty(name, value)
    if len(images) != len(texts):
        raise ValueError(f"texts must have as many rows as images: expected {len(images)}, got {len(texts)}.")
    check_int("chunk_size", chunk_size, low=1)
    return _grad_cache_step(image_encoder, text_encoder, images, texts, loss_fn, chunk_size)


def _grad_cache_step(
    image_encoder: Encoder,
    text_encoder: Encoder,
    images: Tensor,
    texts: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    chunk_size: int,
) -> Tensor:
    towers = ((image_encoder, images.split(chunk_size)), (text_encoder, texts.split(chunk_size)))
    features, states = [], []
    with torch.no_grad():
        for encoder, chunks in towers:
            encoded = []
            for chunk in chunks:
                states.append(_random_state(chunk.device))
                encoded.append(encoder(chunk))
            features.append(torch.cat(encoded))

    leaves = [feature.detach().requires_grad_() for feature in features]
    loss = loss_fn(*leaves)
    loss.backward()

    replay = iter(states)
    devices = {chunks[0].device for _, chunks in towers if chunks[0].is_cuda}
    with torch.random.fork_rng(devices=devices):
        for (encoder, chunks), leaf in zip(towers, leaves, strict=True):
            assert leaf.grad is not None
            for chunk, cached in zip(chunks, leaf.grad.split(chunk_size), strict=True):
                _set_random_state(next(replay), chunk.device)
                encoder(chunk).backward(cached)
    return loss.detach()


def _random_state(device: torch.device) -> tuple[Tensor, Any]:
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def _set_random_state(state: tuple[Tensor, Any], device: torch.device) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)
