"""A whole model that writes one token after another: what the roofline predicts, and what the clock says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.data import smollm2_missing
from course_lib.experiments.post_training.layers import GROUP
from course_lib.experiments.post_training.machine import (
    Machine,
    Spread,
    in_turn,
    per_second,
    weights_of,
)
from course_lib.experiments.threads import on_threads
from course_lib.language import KVCache, Llama, LlamaConfig, load_smollm2

#: SmolLM2-135M's sizes. Weights of other values take as long.
SIZES = LlamaConfig(vocab_size=49_152, dim=576, hidden_dim=1536, num_layers=30, num_heads=9, num_kv_heads=3)
PROMPT = 16
LINEARS = (
    *(f"attention.{name}_proj" for name in "qkvo"),
    *(f"mlp.{name}_proj" for name in ("gate", "up", "down")),
)


def a_model() -> tuple[Llama, str]:
    """SmolLM2-135M if it is on this machine, and otherwise a model of the same sizes, with random weights."""
    if smollm2_missing() is None:
        return load_smollm2(), "SmolLM2-135M"
    with torch.device("meta"):
        model = Llama(SIZES)
    model.to_empty(device="cpu")
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -0.05, 0.05)  # the quickest to draw
    return model.eval().requires_grad_(False), "a model of SmolLM2-135M's sizes, with random weights"


class Decoding(NamedTuple):
    """Tokens a second of one sequence, by the format of the blocks' matrices.

    Attributes
    ----------
    model : str
    formats, kernels : tuple of str
    megabytes : tuple of float
        Read for each token, the output layer (float32 in all) included.
    bound : tuple of float
        Bandwidth over bytes.
    products, measured : tuple of Spread
        The matrix products alone, and the whole model.
    prefill : Spread
        Tokens a second of a prompt that is read at once, in float32.
    head_share : float
        The output layer's share of the bytes at 4 bits.
    """

    model: str
    formats: tuple[str, ...]
    kernels: tuple[str, ...]
    megabytes: tuple[float, ...]
    bound: tuple[float, ...]
    products: tuple[Spread, ...]
    measured: tuple[Spread, ...]
    prefill: Spread
    prefill_bound: float
    head_share: float


@on_threads(1)
def decoding(machine: Machine, prompt: int = 128, seconds: float = 1.0) -> Decoding:
    """Predict and measure decoding at batch 1, format by format, and the reading of a prompt."""
    model, name = a_model()
    originals = {key: model.get_submodule(key) for key in _linears(model)}
    head = model.embed_tokens.weight
    tokens = torch.arange(prompt)[None]
    prefill = per_second(
        prompt, in_turn({"prompt": lambda: model(tokens)}, seconds, threads=machine.threads)["prompt"]
    )
    ways: dict[str, Callable[[torch.nn.Linear], torch.nn.Module]] = {
        "float32": lambda linear: linear,
        "W8A8": quantization.W8A8Linear.from_linear,
        "W8A16": lambda linear: quantization.WeightOnlyLinear.from_linear(linear, 8, None),
        "W4A16": lambda linear: quantization.WeightOnlyLinear.from_linear(linear, 4, GROUP),
    }
    rows = []
    for make in ways.values():
        for key, linear in originals.items():
            model.set_submodule(key, make(linear))  # type: ignore[arg-type]
        layers = [model.get_submodule(key) for key in originals]
        read = sum(map(weights_of, layers)) + head.nbytes
        rows.append((read, _kernel(layers[0]), *_timed(model, layers, head, seconds, machine.threads)))
    bound = tuple(quantization.tokens_per_second_bound(machine.bandwidth.high, read) for read, *_ in rows)
    parameters = sum(map(weights_of, originals.values())) // 4 + head.numel()
    read_at_once = quantization.bytes_per_token(parameters, 32, batch=prompt)
    return Decoding(
        name,
        tuple(ways),
        tuple(kernel for _, kernel, *_ in rows),
        tuple(read / 1e6 for read, *_ in rows),
        bound,
        tuple(products for _, _, products, _ in rows),
        tuple(whole for *_, whole in rows),
        prefill,
        quantization.roofline_tokens_per_second(
            machine.bandwidth.high, read_at_once, machine.float32.high, 2 * parameters
        ),
        head.nbytes / rows[-1][0],
    )


def _timed(
    model: Llama, layers: Sequence[torch.nn.Module], head: Tensor, seconds: float, threads: int
) -> tuple[Spread, Spread]:
    inputs = [torch.randn(1, int(layer.in_features)) for layer in layers]  # type: ignore[arg-type]
    state, token = torch.randn(1, head.shape[1]), torch.tensor([[1]])
    cache = KVCache()
    with torch.inference_mode():
        model(torch.arange(PROMPT)[None], cache)

    def products() -> None:
        for layer, x in zip(layers, inputs, strict=True):
            layer(x)
        torch.nn.functional.linear(state, head)

    taken = in_turn(
        {"products": products, "whole": lambda: model(token, cache)}, seconds / 2, threads=threads
    )
    return per_second(1, taken["products"]), per_second(1, taken["whole"])


class Batches(NamedTuple):
    """Tokens a second, of all sequences together, against the number of sequences."""

    sequences: tuple[int, ...]
    measured: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    roof: tuple[float, ...]
    memory_roof: tuple[float, ...]
    critical: float


@on_threads(1)
def batches(
    machine: Machine, sequences: Sequence[int] = (1, 2, 4, 8, 16, 32, 64), seconds: float = 0.6
) -> Batches:
    """Decode several sequences at once in float32, and lay the roofline over it."""
    model, _ = a_model()
    linears = [model.get_submodule(key) for key in _linears(model)]
    parameters = sum(weights_of(linear) for linear in linears) // 4 + model.embed_tokens.weight.numel()
    found, roofs, slopes = [], [], []
    for batch in sequences:
        cache, token = KVCache(), torch.ones(batch, 1, dtype=torch.int64)
        with torch.inference_mode():
            model(token.expand(-1, PROMPT), cache)
        step = {"step": lambda: model(token, cache)}  # noqa: B023  # used up within the round
        found.append(per_second(batch, in_turn(step, seconds, threads=machine.threads)["step"]))
        read = quantization.bytes_per_token(parameters, 32, batch=batch)
        slopes.append(quantization.tokens_per_second_bound(machine.bandwidth.high, read))
        roofs.append(
            quantization.roofline_tokens_per_second(
                machine.bandwidth.high, read, machine.float32.high, 2 * parameters
            )
        )
    return Batches(
        tuple(sequences),
        tuple(one.median for one in found),
        tuple(one.low for one in found),
        tuple(one.high for one in found),
        tuple(roofs),
        tuple(slopes),
        quantization.critical_batch(32, machine.bandwidth.high, machine.float32.high),
    )


class Sizes(NamedTuple):
    """Bytes counted, in millions: of the weights for each token, of the cache for each token of context."""

    parameters: float
    weights: tuple[float, ...]
    cache: tuple[float, ...]
    equal_at: tuple[float, ...]
    intensity: tuple[float, ...]


def sizes(config: LlamaConfig = SIZES, bits: Sequence[int] = (32, 16, 8, 4)) -> Sizes:
    """Count what a model reads for each token, weights and cache in the same bits (groups of 32 below 16)."""
    kv_dim = config.num_kv_heads * config.head_dim
    block = config.dim * (2 * config.dim + 2 * kv_dim + 3 * config.hidden_dim)
    parameters = config.num_layers * block + config.vocab_size * config.dim
    weights, cache = [], []
    for b in bits:
        weights.append(quantization.bytes_per_token(parameters, b, GROUP if b < 16 else None))
        scale_bits = 16 if b < 16 else 0
        cache.append(
            quantization.kv_bytes_per_token(
                config.num_layers, config.num_kv_heads, config.head_dim, b, scale_bits, scale_bits // 2
            )
        )
    return Sizes(
        parameters / 1e6,
        tuple(read / 1e6 for read in weights),
        tuple(read / 1e6 for read in cache),
        tuple(read / each for read, each in zip(weights, cache, strict=True)),
        tuple(2 * parameters / read for read in weights),
    )


def _linears(model: Llama) -> list[str]:
    return [f"layers.{layer}.{name}" for layer in range(model.config.num_layers) for name in LINEARS]


def _kernel(layer: torch.nn.Module) -> str:
    return str(getattr(layer, "kernel", "float32"))
