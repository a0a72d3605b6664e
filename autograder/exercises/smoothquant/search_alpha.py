"""Choosing α for a layer, on held-out data."""

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

Two = tuple[Tensor, Tensor]


def _layer(tokens: int, more: int, channels: int, outputs: int) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        loudness = np.exp(rng.normal(size=channels))
        loudness[0] = rng.uniform(20, 40)
        calibration = rng.normal(size=(tokens, channels)) * loudness
        held_out = rng.normal(size=(more, channels)) * loudness
        # Each part has a value that the other lacks, so that ranges and errors of the two differ.
        calibration[0, 1] = 4 * abs(calibration[:, 1]).max()
        held_out[0, 2] = 5 * abs(held_out[:, 2]).max()
        weight = rng.normal(size=(outputs, channels)) * np.exp(0.5 * rng.normal(size=channels))
        alphas = rng.permutation(np.linspace(0, 1, 5))
        return {"calibration": calibration, "held_out": held_out, "weights": weight, "alphas": alphas}

    return case(f"{tokens} calibration and {more} held-out tokens, {channels} channels", make)


asked = Exercise(
    "smoothquant.search_alpha",
    title="Search α",
    minutes=14,
    skills=["validation", "migration"],
    reference=quantization.search_alpha,
    outputs=["alpha", "errors"],
    groups={"value": 3},
    cases=[_layer(4, 3, 3, 2), _layer(6, 5, 4, 4), _layer(5, 5, 6, 3)],
    write_yourself=["course_lib.quantization.alpha_search:_errors"],
    hints=[
        "Two sets of tokens have two tasks: one sets the scales (s and the static step), the other judges. What is "
        "compared with what, on the second?",
        "For each α: s from the calibration maxima; x_scale = the largest |calibration / s| over 127; then "
        "w8a8_linear of held_out / s and weights · s, against held_out @ weights.T. Squared, summed, relative.",
        "s = quantization.smooth_scales(quantization.act_absmax([calibration]), weights, float(a)); "
        "x_scale = float((calibration / s).abs().max() / 127); y = quantization.w8a8_linear(held_out / s, weights * s, "
        "x_scale); the error is ((y − truth)²).sum() / (truth²).sum(); the α of the least one.",
    ],
    follow_up="The error of the chosen α is the least of eleven. On which data would you report it?",
)


def _errors(
    calibration: Tensor,
    held_out: Tensor,
    weights: Tensor,
    alphas: Tensor,
    *,
    judged_on: Tensor | None = None,
    smooths_weights: bool = True,
    smooths_step: bool = True,
    step_from: Tensor | None = None,
    per_token: bool = False,
    power: int = 2,
    relative: bool = True,
) -> Tensor:
    judges = held_out if judged_on is None else judged_on
    truth = judges @ weights.T
    errors = []
    for alpha in alphas.tolist():
        scales = quantization.smooth_scales(calibration.abs().amax(dim=0), weights, alpha)
        ranging = calibration if step_from is None else step_from
        ranged = ranging / scales if smooths_step else ranging
        x_scale = None if per_token else float(ranged.abs().max()) / 127
        weight = weights * scales if smooths_weights else weights
        difference = (quantization.w8a8_linear(judges / scales, weight, x_scale) - truth).abs() ** power
        errors.append(difference.sum() / (truth.abs() ** power).sum() if relative else difference.mean())
    return torch.stack(errors)


def _best(alphas: Tensor, errors: Tensor) -> Two:
    return alphas[errors.argmin()], errors


@asked.misconception(
    "judged by the largest |x|",
    says="Your errors are the largest smoothed activations. They mostly shrink as α grows, whatever becomes of the weights.",
    asks="Which side of the layer does max|X / s| leave out?",
)
def smallest_maximum(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    act = calibration.abs().amax(dim=0)
    largest = [
        (held_out / quantization.smooth_scales(act, weights, alpha)).abs().max() for alpha in alphas.tolist()
    ]
    return _best(alphas, torch.stack(largest))


@asked.misconception(
    "judged on the calibration data",
    says="You measure the error on the tokens that set the ranges: nothing is clipped there.",
    asks="Which tokens have not been seen by s and by the static step?",
)
def judged_on_calibration(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas, judged_on=calibration))


@asked.misconception(
    "tuned on the held-out data",
    says="You take the scales from the held-out tokens, on which you then measure.",
    asks="What is a held-out set good for, once ranges were taken from it?",
)
def tuned_on_held_out(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(held_out, held_out, weights, alphas))


@asked.misconception(
    "the static step comes from the held-out data",
    says="s is that of the calibration tokens, but your x_scale is fitted to the tokens that judge: none is clipped.",
    asks="Could x_scale be known before the held-out tokens came?",
)
def held_out_step(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas, step_from=held_out))


@asked.misconception(
    "ranges from both sets",
    says="Calibration and held-out tokens both set the ranges.",
    asks="Will the largest value of tomorrow's data be in your ranges, too?",
)
def ranges_from_both(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(torch.cat([calibration, held_out]), held_out, weights, alphas))


@asked.misconception(
    "quantizes before smoothing",
    says="You put X and W on their grids first, and smooth the result: the outlier has set the step already.",
    asks="When must x be divided by s, so that its grid becomes finer?",
)
def quantizes_first(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    truth = held_out @ weights.T
    x_scale = float(calibration.abs().max()) / 127
    errors = []
    for alpha in alphas.tolist():
        scales = quantization.smooth_scales(calibration.abs().amax(dim=0), weights, alpha)
        x_hat = quantization.fake_quantize(held_out, x_scale, 0, -127, 127) / scales
        rows = quantization.quantize_per_channel(weights, -127, 127, symmetric=True)
        w_hat = quantization.dequantize(*rows, axis=0) * scales
        errors.append(((x_hat @ w_hat.T - truth) ** 2).sum() / (truth**2).sum())
    return _best(alphas, torch.stack(errors))


@asked.misconception(
    "the weights are not smoothed",
    says="You divide the activations, but nothing multiplies the weights: another layer altogether.",
    asks="What must the columns of the weight be multiplied by?",
)
def weights_unsmoothed(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas, smooths_weights=False))


@asked.misconception(
    "the static step is that of the unsmoothed activations",
    says="Your x_scale comes from max|X| before the division: after it, most codes are unused.",
    asks="Which values does the grid have to cover, X or X / s?",
)
def step_unsmoothed(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas, smooths_step=False))


@asked.misconception(
    "a scale for each token",
    says="Each token gets its own step here; the question is about a static one.",
    asks="Where does x_scale come from, if it must be known before the first request?",
)
def per_token(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas, per_token=True))


@asked.misconception(
    "the worst α",
    says="You return the α of the largest error.",
    asks="Is it argmax or argmin that you want?",
)
def worst(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    errors = _errors(calibration, held_out, weights, alphas)
    return alphas[errors.argmax()], errors


@asked.misconception(
    "the place in the list",
    says="You return which candidate was best, not its value.",
    asks="Is 3 a migration strength?",
)
def place(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    errors = _errors(calibration, held_out, weights, alphas)
    return errors.argmin(), errors


@asked.misconception(
    "the error is not relative",
    says="You average squared errors without dividing by the outputs' own size.",
    asks="Which number tells whether the layer is off by 1 % or by half?",
)
def not_relative(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas, relative=False))


@asked.misconception(
    "without the square",
    says="You sum magnitudes of errors, not their squares.",
    asks="The formula has ‖ · ‖² above and below. What is that?",
)
def not_squared(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas, power=1))


@asked.misconception(
    "the root of the ratio",
    says="You divide norms, not squared norms.",
    asks="The formula has ‖ · ‖²: have you squared?",
)
def root(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    return _best(alphas, _errors(calibration, held_out, weights, alphas).sqrt())


@asked.misconception(
    "the error of the weights",
    says="You compare weights before and after, and leave out what they are multiplied by.",
    asks="Does a large error in a column matter, if its activations are small?",
)
def weight_error(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    errors = []
    for alpha in alphas.tolist():
        scales = quantization.smooth_scales(calibration.abs().amax(dim=0), weights, alpha)
        rows = quantization.quantize_per_channel(weights * scales, -127, 127, symmetric=True)
        w_hat = quantization.dequantize(*rows, axis=0) / scales
        errors.append(((w_hat - weights) ** 2).sum() / (weights**2).sum())
    return _best(alphas, torch.stack(errors))


@asked.also_correct("a loop that keeps the best")
def keeps_best(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> Two:
    most = quantization.act_absmax([calibration])
    truth = held_out @ weights.T
    errors, best = torch.zeros_like(alphas), alphas[0]
    for i, alpha in enumerate(alphas):
        s = quantization.smooth_scales(most, weights, float(alpha))
        step = float((most / s).max()) / 127
        y = quantization.w8a8_linear(held_out / s, weights * s, step)
        errors[i] = (y - truth).square().sum() / truth.square().sum()
        if errors[i] < errors[:i].min() if i else True:
            best = alpha
    return best, errors


@asked.also_correct("fake-quantized in floats, a plain number")
def in_floats(calibration: Tensor, held_out: Tensor, weights: Tensor, alphas: Tensor) -> tuple[float, Tensor]:
    def error(alpha: float) -> float:
        column = weights.abs().max(dim=0).values
        s = calibration.abs().max(dim=0).values ** alpha / column ** (1 - alpha)
        step, w = (calibration / s).abs().max() / 127, weights * s
        w_step = w.abs().max(dim=1, keepdim=True).values / 127
        x_hat = torch.clamp(torch.round(held_out / s / step), -127, 127) * step
        y, truth = x_hat @ (torch.round(w / w_step) * w_step).T, held_out @ weights.T
        return float(torch.linalg.matrix_norm(y - truth) ** 2 / torch.linalg.matrix_norm(truth) ** 2)

    by_alpha = {alpha: error(alpha) for alpha in alphas.tolist()}
    return min(by_alpha, key=lambda alpha: by_alpha[alpha]), torch.tensor(
        list(by_alpha.values()), dtype=alphas.dtype
    )
