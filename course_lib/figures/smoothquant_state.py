"""A layer with its calibration tokens, a migration strength, and all that follows from the two."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import quantization
from course_lib.data import load_activations, load_layer_weights
from course_lib.validate import check_matrix, check_same_kind, check_share

#: The strengths at which the error is drawn.
ALPHAS = tuple(i / 20 for i in range(21))


@dataclass(frozen=True, eq=False)
class SmoothLayer:
    """What a layer reads, in two parts, and the weights that read it.

    Parameters
    ----------
    name : str
        For the title.
    calibration, tested : Tensor, shape [tokens, channels]
        What sets the scales, and what the error is measured on.
    weights : Tensor, shape [outputs, channels]
    """

    name: str
    calibration: Float[Tensor, "tokens channels"]
    tested: Float[Tensor, "more_tokens channels"]
    weights: Float[Tensor, "outputs channels"]

    def __post_init__(self) -> None:
        for name in ("calibration", "tested", "weights"):
            check_matrix(
                name, getattr(self, name), ("tokens" if name != "weights" else "outputs", "channels")
            )
            check_same_kind(name, getattr(self, name), "calibration", self.calibration)

    @cached_property
    def act_absmax(self) -> Float[Tensor, "channels"]:
        """Largest magnitude of each channel in the calibration tokens."""
        return quantization.act_absmax([self.calibration])

    @cached_property
    def weight_absmax(self) -> Float[Tensor, "channels"]:
        """Largest magnitude of each column of the weights."""
        return self.weights.abs().amax(dim=0)

    def error(self, alpha: float | None, per_token: bool) -> float:
        """Relative output error ‖ŷ − y‖ / ‖y‖ of the median tested token; None smooths nothing.

        The median, since in a sum over tokens a massive one would hide what happens to all others.
        """
        scales = (
            torch.ones_like(self.act_absmax)
            if alpha is None
            else quantization.smooth_scales(self.act_absmax, self.weights, alpha)
        )
        x_scale = None if per_token else float((self.act_absmax / scales).max()) / 127
        truth = self.tested @ self.weights.T
        y = quantization.w8a8_linear(self.tested / scales, self.weights * scales, x_scale)
        return float(((y - truth).norm(dim=1) / truth.norm(dim=1)).median())


@lru_cache(maxsize=32)
def _curve(layer: SmoothLayer, per_token: bool) -> tuple[float, ...]:
    return tuple(layer.error(alpha, per_token) for alpha in ALPHAS)


@lru_cache(maxsize=32)
def _unsmoothed(layer: SmoothLayer, per_token: bool) -> float:
    return layer.error(None, per_token)


@dataclass(frozen=True, eq=False)
class SmoothState:
    """Everything that the figure of smoothing depends on.

    Parameters
    ----------
    layer : SmoothLayer
    alpha : float from 0 to 1
    per_token : bool
        Whether each token gets its own activation scale, or one static scale serves all.
    """

    layer: SmoothLayer
    alpha: float = 0.5
    per_token: bool = False

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)

    @cached_property
    def scales(self) -> Float[Tensor, "channels"]:
        """S of each channel."""
        return quantization.smooth_scales(self.layer.act_absmax, self.layer.weights, self.alpha)

    @cached_property
    def act_absmax(self) -> Float[Tensor, "channels"]:
        """Largest magnitude of each channel after smoothing."""
        return self.layer.act_absmax / self.scales

    @cached_property
    def weight_absmax(self) -> Float[Tensor, "channels"]:
        """Largest magnitude of each weight column after smoothing."""
        return self.layer.weight_absmax * self.scales

    @cached_property
    def error(self) -> float:
        """The median token's relative output error at this strength."""
        return self.layer.error(self.alpha, self.per_token)

    @property
    def errors(self) -> tuple[float, ...]:
        """The same at `ALPHAS`."""
        return _curve(self.layer, self.per_token)

    @property
    def unsmoothed(self) -> float:
        """The same without smoothing."""
        return _unsmoothed(self.layer, self.per_token)

    @property
    def best(self) -> float:
        """The strength with the least error."""
        return ALPHAS[min(range(len(ALPHAS)), key=self.errors.__getitem__)]


@lru_cache(maxsize=1)
def smooth_examples() -> dict[str, SmoothLayer]:
    """Layers to smooth, by name: two of SmolLM2, and three made of Gaussian numbers."""
    activations, weights = load_activations(), load_layer_weights()

    def real(layer: int, kind: str, names: tuple[str, ...]) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.from_numpy(activations.inputs(layer, kind))  # type: ignore[arg-type]
        stacked = torch.cat([torch.from_numpy(weights[layer, name].copy()) for name in names])
        return x[:4].flatten(0, 1), x[4:].flatten(0, 1), stacked

    def made(outlier: str) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        x, weight = (torch.randn(rows, 128, generator=generator) for rows in (256, 128))
        if outlier == "channel":
            x[:, 3] *= 50
        if outlier == "token":
            x[[0, 128], 3] = 5000.0
        return x[:128], x[128:], weight

    return {
        "layer 12, q k v": SmoothLayer("layer 12, q k v", *real(12, "qkv", ("q_proj", "k_proj", "v_proj"))),
        "layer 11, down": SmoothLayer("layer 11, down", *real(11, "down", ("down_proj",))),
        "made: a channel": SmoothLayer("a made-up channel outlier", *made("channel")),
        "made: a token": SmoothLayer("a made-up token outlier", *made("token")),
        "made: none": SmoothLayer("no outlier", *made("none")),
    }
