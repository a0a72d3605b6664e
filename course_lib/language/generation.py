"""Decoding: one token after another."""

import torch
from jaxtyping import Int64
from torch import Tensor

from course_lib.language.cache import KVCache
from course_lib.language.llama import Llama
from course_lib.validate import check_int, check_labels


@torch.inference_mode()
def greedy(model: Llama, prompt: Int64[Tensor, " positions"], num_new: int) -> Int64[Tensor, " num_new"]:
    """Continue a prompt with the likeliest token, again and again, by way of a KV cache.

    Parameters
    ----------
    model : Llama
        In evaluation mode.
    prompt : int64 tensor, shape [positions]
        What to continue.
    num_new : int
        How many tokens, at least 1.

    Returns
    -------
    int64 tensor, shape [num_new]
        The new tokens alone.

    Raises
    ------
    TypeError, ValueError
        If the prompt is empty or no vector of tokens, or ``num_new`` is not such a number.

    Examples
    --------
    >>> from course_lib.language.llama import LlamaConfig
    >>> config = LlamaConfig(vocab_size=10, dim=8, hidden_dim=12, num_layers=2, num_heads=2, num_kv_heads=1)
    >>> greedy(Llama(config), torch.tensor([1, 2, 3]), num_new=4).shape
    torch.Size([4])
    """
    check_labels("prompt", prompt)
    check_int("num_new", num_new, low=1)
    cache, new, last = KVCache(), [], prompt[None]
    for _ in range(num_new):
        last = model(last, cache)[:, -1:].argmax(dim=-1)
        new.append(last[0])
    return torch.cat(new)
