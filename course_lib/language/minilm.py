"""all-MiniLM-L6-v2 as a `Bert` and its tokenizer, from the files that ``course fetch minilm`` brought."""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.data.minilm import read_minilm
from course_lib.language.bert import Bert, BertConfig
from course_lib.language.wordpiece import WordPiece

#: The file's names for the parts of a block, and ours.
BLOCK = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "mlp_norm",
}
OUTSIDE = {
    "embeddings.word_embeddings": "words",
    "embeddings.position_embeddings": "positions",
    "embeddings.LayerNorm": "norm",
}
SEGMENTS = "embeddings.token_type_embeddings.weight"
HEADS = 12  # the only size that no shape tells


def load_minilm() -> tuple[Bert, WordPiece]:
    """Load all-MiniLM-L6-v2, in float32 and in evaluation mode, without gradients, and its tokenizer.

    Returns
    -------
    Bert
        A new one at every call, 22.6 million parameters as trained; its linear layers may be replaced.
    WordPiece
        Cuts after 256 pieces, as the model was trained.

    Raises
    ------
    FileNotFoundError
        If the model is not on this machine; the message names ``course fetch minilm``.
    ValueError
        If a file is damaged.

    References
    ----------
    Wang et al. 2020, arXiv:2002.10957 (MiniLM); the sentence-transformers project trained this one.
    """
    arrays, vocabulary = read_minilm()
    # Not part of the model as such: sentence-transformers pools the states, and leaves BERT's pooler out.
    tensors = {name: torch.from_numpy(x) for name, x in arrays.items() if not name.startswith("pooler")}
    segments = tensors.pop(SEGMENTS)
    weights = {our_name(name): x for name, x in tensors.items()} | {"segment": segments[0]}
    with torch.device("meta"):
        model = Bert(config_of(weights))
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False), WordPiece(vocabulary)


def config_of(weights: dict[str, Tensor]) -> BertConfig:
    """Return the sizes that a state dict of `Bert` has."""
    vocab_size, dim = weights["words.weight"].shape
    return BertConfig(
        vocab_size=vocab_size,
        dim=dim,
        hidden_dim=len(weights["layers.0.up.weight"]),
        num_layers=len({name.split(".")[1] for name in weights if name.startswith("layers.")}),
        num_heads=HEADS,
        max_positions=len(weights["positions.weight"]),
    )


def our_name(name: str) -> str:
    """Return a parameter's name in `Bert`, from that in the file.

    Examples
    --------
    >>> our_name("encoder.layer.0.output.dense.weight")
    'layers.0.down.weight'
    """
    part, _, kind = name.rpartition(".")
    if part in OUTSIDE:
        return f"{OUTSIDE[part]}.{kind}"
    layer, _, inside = part.removeprefix("encoder.layer.").partition(".")
    return f"layers.{layer}.{BLOCK[inside]}.{kind}"
