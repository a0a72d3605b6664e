"""What goes into a model's linear layers while it reads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from course_lib.language.llama import Llama
from course_lib.validate import check_int

#: The three different inputs of a block's linear layers that lessons look at, and a layer that gets each.
#: q, k and v share one input, gate and up another.
INPUTS = {"qkv": "attention.q_proj", "gate_up": "mlp.gate_proj", "down": "mlp.down_proj"}


@torch.inference_mode()
def record_inputs(
    model: Llama, tokens: Int64[Tensor, "batch positions"], layers: Sequence[int]
) -> dict[tuple[int, str], Float[Tensor, "batch positions width"]]:
    """Let a model read, and return what went into the linear layers of some blocks.

    Parameters
    ----------
    model : Llama
        Its linear layers may have been replaced; what they are called counts.
    tokens : int64 tensor, shape [batch, positions]
        What it reads.
    layers : sequence of int
        The blocks, from 0.

    Returns
    -------
    dict of (int, str) to tensor, shape [batch, positions, width]
        By block and input: "qkv", "gate_up" (both after an RMSNorm) or "down" (after SwiGLU).

    Raises
    ------
    TypeError, ValueError
        If there is no such block, or the tokens are none.

    Examples
    --------
    >>> from course_lib.language.llama import LlamaConfig
    >>> config = LlamaConfig(vocab_size=10, dim=8, hidden_dim=12, num_layers=2, num_heads=2, num_kv_heads=1)
    >>> inputs = record_inputs(Llama(config), torch.tensor([[1, 2, 3]]), layers=[1])
    >>> {key: list(x.shape) for key, x in inputs.items()}
    {(1, 'qkv'): [1, 3, 8], (1, 'gate_up'): [1, 3, 8], (1, 'down'): [1, 3, 12]}
    """
    for layer in layers:
        check_int("a layer", layer, low=0, high=model.config.num_layers - 1)
    recorded: dict[tuple[int, str], Tensor] = {}
    handles = []
    for layer in layers:
        for name, path in INPUTS.items():

            def keep(_: object, arguments: tuple[Tensor, ...], key: tuple[int, str] = (layer, name)) -> None:
                recorded[key] = arguments[0].clone()

            handles.append(model.get_submodule(f"layers.{layer}.{path}").register_forward_pre_hook(keep))
    try:
        model(tokens)
    finally:
        for handle in handles:
            handle.remove()
    return recorded


@torch.inference_mode()
def linear_inputs(
    model: nn.Module, names: Sequence[str], tokens: Int64[Tensor, "batch positions"]
) -> dict[str, Float[Tensor, "batch positions width"]]:
    """Let any model read, and return what went into some of its linear layers.

    Parameters
    ----------
    model : nn.Module
        Called with ``tokens``.
    names : sequence of str
        Of submodules, as in ``model.named_modules()``.
    tokens : int64 tensor, shape [batch, positions]
        What it reads; without padding, whose positions would be recorded too.

    Returns
    -------
    dict of str to tensor, shape [batch, positions, width]

    Raises
    ------
    AttributeError
        If there is no submodule of a name.

    Examples
    --------
    >>> from course_lib.language.bert import Bert, BertConfig
    >>> model = Bert(BertConfig(vocab_size=10, dim=8, hidden_dim=12, num_layers=1, num_heads=2))
    >>> inputs = linear_inputs(model, ["layers.0.query", "layers.0.down"], torch.tensor([[1, 2, 3]]))
    >>> {name: list(x.shape) for name, x in inputs.items()}
    {'layers.0.query': [1, 3, 8], 'layers.0.down': [1, 3, 12]}
    """
    recorded: dict[str, Tensor] = {}
    handles = []
    try:
        for name in names:

            def keep(_: object, arguments: tuple[Tensor, ...], name: str = name) -> None:
                recorded[name] = arguments[0].clone()

            handles.append(model.get_submodule(name).register_forward_pre_hook(keep))
        model(tokens)
    finally:
        for handle in handles:
            handle.remove()
    return recorded
