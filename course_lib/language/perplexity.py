"""Perplexity with its error bar, and the comparison of two models on the same text."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from course_lib.validate import check_int, check_rank, check_same_shape, check_tensor


class Perplexity(NamedTuple):
    """How surprised a model is by a text.

    Attributes
    ----------
    value : float
        exp of the mean loss per token.
    standard_error : float
        Of ``value``, over sequences: nan if there is only one.
    token_losses : float32 tensor, shape [num_sequences, length - 1]
        −log p of each token given those before it, in nats.
    """

    value: float
    standard_error: float
    token_losses: Float[Tensor, "num_sequences predicted"]


class Ratio(NamedTuple):
    """A perplexity divided by another on the same text, with its standard error."""

    value: float
    standard_error: float


def sequences(
    tokens: Int64[Tensor, " num_tokens"], *, count: int, length: int = 256
) -> Int64[Tensor, "count length"]:
    """Cut the first ``count`` sequences of ``length`` tokens from a text, one after another.

    Parameters
    ----------
    tokens : int64 tensor, shape [num_tokens]
        A whole text.
    count : int
        How many sequences, at least 1.
    length : int, default 256
        Tokens in each, at least 2.

    Returns
    -------
    int64 tensor, shape [count, length]

    Raises
    ------
    TypeError, ValueError
        If a number is out of range, or the text too short.

    Examples
    --------
    >>> sequences(torch.arange(7), count=2, length=3)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    check_tensor("tokens", tokens)
    check_rank("tokens", tokens, ("num_tokens",))
    check_int("count", count, low=1)
    check_int("length", length, low=2)
    if len(tokens) < count * length:
        raise ValueError(
            f"tokens must be at least count · length = {count * length} long, got {len(tokens)}."
        )
    return tokens[: count * length].reshape(count, length)


@torch.inference_mode()
def perplexity(
    model: Callable[[Tensor], Tensor], tokens: Int64[Tensor, "num_sequences length"], *, batch_size: int = 4
) -> Perplexity:
    """Measure the perplexity of a model on sequences of tokens.

    exp(mean of −log p(t_i | t_1 ... t_{i−1})) over all sequences and i = 2 ... length

    Parameters
    ----------
    model : callable
        Gives logits [batch, length, vocab_size] for tokens [batch, length]: a `Llama`, say.
    tokens : int64 tensor, shape [num_sequences, length]
        See `sequences`. The first token of each is only read, not predicted.
    batch_size : int, default 4
        How many sequences at once; bounds the memory for logits, and changes nothing else.

    Returns
    -------
    Perplexity
        With its standard error, by the delta method: perplexity · (standard error of the mean loss).

    Raises
    ------
    TypeError, ValueError
        If the tokens are not such a matrix.

    Notes
    -----
    Losses inside one sequence depend on each other, so the error is taken over the sequences' means: s / √n
    with n sequences. It says how far another stretch of the *same* text might lie. To compare two models,
    use `perplexity_ratio`, where the text's own ups and downs cancel.

    Early tokens have little context: shorter sequences give a larger perplexity from the same model.

    Examples
    --------
    >>> guess = lambda tokens: torch.zeros(*tokens.shape, 10)  # ten tokens, all alike
    >>> round(perplexity(guess, torch.tensor([[1, 2, 3], [4, 5, 6]])).value, 3)
    10.0
    """
    check_tensor("tokens", tokens)
    check_rank("tokens", tokens, ("num_sequences", "length"))
    check_int("the length of a sequence", tokens.shape[1], low=2)
    check_int("batch_size", batch_size, low=1)
    losses = torch.cat([_losses(model(batch), batch) for batch in tokens.split(batch_size)])
    means = losses.double().mean(dim=1)
    value = math.exp(means.mean())
    return Perplexity(value, value * _standard_error(means), losses)


def perplexity_ratio(changed: Perplexity, original: Perplexity) -> Ratio:
    """Compare two models on the same tokens: the ratio of their perplexities, with a paired standard error.

    exp(mean over sequences of (loss of changed − loss of original))

    Parameters
    ----------
    changed, original : Perplexity
        Measured on the same tokens.

    Returns
    -------
    Ratio
        1.02 ± 0.01: the changed model's perplexity is 2 % higher, and the error bar leaves room for 0 to 4.

    Raises
    ------
    ValueError
        If they were measured on different numbers of tokens.

    Examples
    --------
    >>> flat = perplexity(lambda tokens: torch.zeros(*tokens.shape, 10), torch.tensor([[1, 2], [3, 4]]))
    >>> perplexity_ratio(flat, flat)
    Ratio(value=1.0, standard_error=0.0)
    """
    check_same_shape("changed", changed.token_losses, "original", original.token_losses)
    differences = (changed.token_losses.double() - original.token_losses.double()).mean(dim=1)
    value = math.exp(differences.mean())
    return Ratio(value, value * _standard_error(differences))


def _losses(
    logits: Float[Tensor, "batch length vocab_size"], tokens: Int64[Tensor, "batch length"]
) -> Float[Tensor, "batch predicted"]:
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")


def _standard_error(means: Float[Tensor, " num_sequences"]) -> float:
    return float(means.std() / len(means) ** 0.5) if len(means) > 1 else math.nan
