"""SmolLM2-135M as a `Llama` and its tokenizer, from the file that ``course fetch smollm2`` brought."""

from __future__ import annotations

from typing import Any

import torch

from course_lib.data.smollm2 import read_smollm2
from course_lib.language.llama import Llama, LlamaConfig
from course_lib.language.tokenizer import Tokenizer

#: GGUF's names for the parts of a block, and ours.
BLOCK = {
    "attn_norm": "attention_norm",
    "attn_q": "attention.q_proj",
    "attn_k": "attention.k_proj",
    "attn_v": "attention.v_proj",
    "attn_output": "attention.o_proj",
    "ffn_norm": "mlp_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTSIDE = {"token_embd": "embed_tokens", "output_norm": "norm"}


def load_smollm2() -> Llama:
    """Load SmolLM2-135M-Instruct, in float32 and in evaluation mode, without gradients.

    Returns
    -------
    Llama
        A new one at every call, 134.5 million parameters, 0.54 GB; its linear layers may be replaced.

    Raises
    ------
    FileNotFoundError
        If the model is not on this machine; the message names ``course fetch smollm2``.
    ValueError
        If its file is damaged.

    Notes
    -----
    "float32" means: the weights of the 4-bit file, dequantized. They lie on a 4-bit grid, so that this model
    shows what 8 bits cost and what its activations look like, but would flatter another 4-bit format.

    References
    ----------
    Allal et al. 2025, "SmolLM2: When Smol Goes Big".
    """
    metadata, arrays = read_smollm2()
    # Made without memory and filled by assignment: random weights would be drawn only to be thrown away.
    with torch.device("meta"):
        model = Llama(config_of(metadata))
    weights = {our_name(name): torch.from_numpy(array) for name, array in arrays.items()}
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)


def load_tokenizer() -> Tokenizer:
    """Load the tokenizer of SmolLM2-135M.

    Raises
    ------
    FileNotFoundError
        If the model is not on this machine; the message names ``course fetch smollm2``.
    """
    metadata = read_smollm2(weights=False).metadata
    return Tokenizer(
        metadata["tokenizer.ggml.tokens"],
        metadata["tokenizer.ggml.merges"],
        is_control=[kind == 3 for kind in metadata["tokenizer.ggml.token_type"]],
    )


def config_of(metadata: dict[str, Any]) -> LlamaConfig:
    """Return the sizes that a GGUF file of the architecture "llama" states."""
    architecture = metadata["general.architecture"]
    if architecture != "llama":
        raise ValueError(f"the architecture must be 'llama', got {architecture!r}.")
    return LlamaConfig(
        vocab_size=metadata["llama.vocab_size"],
        dim=metadata["llama.embedding_length"],
        hidden_dim=metadata["llama.feed_forward_length"],
        num_layers=metadata["llama.block_count"],
        num_heads=metadata["llama.attention.head_count"],
        num_kv_heads=metadata["llama.attention.head_count_kv"],
        rope_base=metadata["llama.rope.freq_base"],
        eps=metadata["llama.attention.layer_norm_rms_epsilon"],
    )


def our_name(gguf_name: str) -> str:
    """Return the parameter's name in `Llama`: "blk.3.attn_q.weight" is "layers.3.attention.q_proj.weight"."""
    if gguf_name.startswith("blk."):
        _, layer, part, kind = gguf_name.split(".")
        return f"layers.{layer}.{BLOCK[part]}.{kind}"
    part, kind = gguf_name.split(".")
    return f"{OUTSIDE[part]}.{kind}"
