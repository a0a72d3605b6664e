"""BERT's tokenizer: lower case, words and marks apart, words in the largest known pieces."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


class WordPiece:
    """Texts to the numbers of word pieces.

    Parameters
    ----------
    vocabulary : sequence of str
        The pieces, by number; those that continue a word begin with "##".
    max_length : int, default 256
        Longer texts are cut, the marks at both ends included.

    Raises
    ------
    ModuleNotFoundError
        If the library ``tokenizers`` is not installed.

    Examples
    --------
    >>> tokenizer = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "##s"])
    >>> tokenizer.encode(["Cats"])[0]
    tensor([[2, 5, 6, 3]])
    """

    def __init__(self, vocabulary: Sequence[str], max_length: int = 256) -> None:
        from tokenizers.implementations import BertWordPieceTokenizer

        numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._library = BertWordPieceTokenizer(numbers, lowercase=True)
        self._library.enable_padding(pad_id=numbers["[PAD]"])
        self._library.enable_truncation(max_length)
        #: The numbers of the marks before and after a text.
        self.marks = (numbers["[CLS]"], numbers["[SEP]"])

    def encode(
        self, texts: Sequence[str]
    ) -> tuple[Int64[Tensor, "batch positions"], Bool[Tensor, "batch positions"]]:
        """Return word pieces, each text between [CLS] and [SEP], and where they are no padding."""
        encoded = self._library.encode_batch(list(texts))
        return (
            torch.tensor([text.ids for text in encoded], dtype=torch.int64),
            torch.tensor([text.attention_mask for text in encoded], dtype=torch.bool),
        )

    def pieces(self, text: str) -> Int64[Tensor, " positions"]:
        """Return the word pieces of a text of any length, with nothing before or after them."""
        whole = type(self._library)(self._library.get_vocab(), lowercase=True)
        return torch.tensor(whole.encode(text, add_special_tokens=False).ids, dtype=torch.int64)
