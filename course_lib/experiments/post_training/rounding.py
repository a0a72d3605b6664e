"""Three ways to round a layer's weights after training: to the nearest, in closed form, and by gradients."""

from __future__ import annotations

import statistics
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib import quantization
from course_lib.experiments.threads import on_threads


class Rounding(NamedTuple):
    """Means over the seeds: relative squared errors of weights and of outputs, seen and unseen.

    Attributes
    ----------
    methods : tuple of str
    weight_error, seen, unseen : tuple of float
        Relative squared errors of the weights, of outputs for calibration tokens, and for others.
    deviation : tuple of float
        Standard deviation of ``unseen`` over the seeds.
    gradient_steps : tuple of int
    moved : tuple of float
        Share of the codes that are not the nearest.
    """

    methods: tuple[str, ...]
    weight_error: tuple[float, ...]
    seen: tuple[float, ...]
    unseen: tuple[float, ...]
    deviation: tuple[float, ...]
    gradient_steps: tuple[int, ...]
    moved: tuple[float, ...]


METHODS = ("nearest", "GPTQ", "AdaRound")


@on_threads(1)
def rounding(bits: int = 3, seeds: int = 5, steps: int = 400, dim: int = 64, outputs: int = 64) -> Rounding:
    """Round a layer whose inputs are correlated, on one grid, in three ways."""
    results: dict[str, list[tuple[float, ...]]] = {name: [] for name in METHODS}
    for seed in range(seeds):
        draw = torch.Generator().manual_seed(seed)
        weight = torch.randn(outputs, dim, generator=draw, dtype=torch.float64)
        # Inputs that share a few directions, as activations do.
        mixing = (
            torch.randn(dim, dim, generator=draw, dtype=torch.float64) * torch.logspace(0, -1.5, dim).double()
        )
        seen, unseen = (
            torch.randn(1024, dim, generator=draw, dtype=torch.float64) @ mixing.T for _ in range(2)
        )
        qmin, qmax = quantization.code_range(bits, narrow=True)
        scale = weight.abs().amax(dim=1, keepdim=True) / qmax
        found = {
            "nearest": (weight / scale).round().clamp(qmin, qmax) * scale,
            "GPTQ": _gptq(weight, seen, bits),
            "AdaRound": adaround(weight, scale, seen, qmin, qmax, steps),
        }
        for name, w_hat in found.items():
            results[name].append(
                (
                    float((w_hat - weight).square().sum() / weight.square().sum()),
                    *(
                        float(((w_hat - weight) @ x.T).square().sum() / (weight @ x.T).square().sum())
                        for x in (seen, unseen)
                    ),
                    float(((w_hat - found["nearest"]).abs() > scale / 2).double().mean()),
                )
            )
    columns = {name: list(zip(*rows, strict=True)) for name, rows in results.items()}
    mean = [[statistics.mean(columns[name][place]) for name in METHODS] for place in range(4)]
    return Rounding(
        METHODS,
        tuple(mean[0]),
        tuple(mean[1]),
        tuple(mean[2]),
        tuple(statistics.stdev(columns[name][2]) if seeds > 1 else 0.0 for name in METHODS),
        (0, 0, steps),
        tuple(mean[3]),
    )


def _gptq(weight: Tensor, inputs: Tensor, bits: int) -> Tensor:
    found = quantization.gptq_quantize(weight, inputs, bits, symmetric=True, full_range=False)
    return quantization.dequantize(found.codes, found.scale, found.zero_point, axis=0)


def adaround(weight: Tensor, scale: Tensor, inputs: Tensor, qmin: int, qmax: int, steps: int = 400) -> Tensor:
    """Choose for each weight whether to round down or up, by gradients on the layer's output.

    min over v of ‖X (W − W̃(v))ᵀ‖² + λ Σ (1 − |2 h(v) − 1|^β), with W̃ = s clip(⌊W / s⌋ + h(v)), h a sigmoid
    stretched over [0, 1], and β falling, so that h ends at 0 or 1 (Nagel et al. 2020, arXiv:2004.10568).
    """
    second_moment = inputs.T @ inputs / len(inputs)
    below = (weight / scale).floor()
    share = (weight / scale - below).clamp(0.01, 0.99)
    v = torch.logit((share + 0.1) / 1.2).requires_grad_()
    optimizer = torch.optim.Adam([v], lr=0.05)

    def up() -> Tensor:
        return (torch.sigmoid(v) * 1.2 - 0.1).clamp(0, 1)

    size = float((weight @ second_moment * weight).sum())
    for step in range(steps):
        error = (below + up()).clamp(qmin, qmax) * scale - weight
        loss = (error @ second_moment * error).sum() / size
        if step > steps // 5:
            beta = 20 - 18 * (step / steps)
            loss = loss + 1e-2 * (1 - (2 * up() - 1).abs() ** beta).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return ((below + (up().detach() > 0.5)).clamp(qmin, qmax)) * scale
