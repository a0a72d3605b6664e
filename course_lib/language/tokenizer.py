"""A byte-level BPE tokenizer with GPT-2's splitting, one token per digit: SmolLM2's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor


class Tokenizer:
    """Text to token numbers and back.

    Parameters
    ----------
    tokens : sequence of str
        The vocabulary, by number, in byte-level spelling ("Ġ" is a space).
    merges : sequence of str
        Pairs to join, the first first: "Ġ t".
    is_control : sequence of bool
        Which tokens are control marks such as <|im_end|>, never split.

    Raises
    ------
    ModuleNotFoundError
        If the library ``tokenizers`` is not installed.
    """

    def __init__(self, tokens: Sequence[str], merges: Sequence[str], is_control: Sequence[bool]) -> None:
        import tokenizers
        from tokenizers import decoders, models, pre_tokenizers

        vocabulary = {token: number for number, token in enumerate(tokens)}
        pairs = [(first, second) for first, second in (merge.split(" ") for merge in merges)]
        self._library = tokenizers.Tokenizer(models.BPE(vocabulary, pairs))
        self._library.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        self._library.decoder = decoders.ByteLevel()
        self._library.add_special_tokens(
            [token for token, control in zip(tokens, is_control, strict=True) if control]
        )

    def encode(self, text: str) -> Int64[Tensor, " positions"]:
        """Return the token numbers of a text; nothing is put in front of it."""
        return torch.tensor(self._library.encode(text).ids, dtype=torch.int64)

    def decode(self, tokens: Int64[Tensor, " positions"]) -> str:
        """Return the text of token numbers, control marks included."""
        return self._library.decode(tokens.tolist(), skip_special_tokens=False)
