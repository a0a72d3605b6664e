"""The loop of GPTQ: column after column, each error fed forward."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, case
from course_lib import quantization

#: No value of the reference's loop is this near to the middle of two codes, in steps: there, the last digit
#: would decide, and right answers would differ.
CLEAR = 0.003

#: More than usual, so that it can be seen in the codes.
DAMPING = 0.1

Feed = Callable[[Tensor, Tensor, Tensor, int], None]


def gptq(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    """Weights on few bits whose output on the inputs changes little."""
    return quantization.gptq_quantize(weight, inputs, bits, damping=damping).weight


def walk(
    weight: Tensor,
    inputs: Tensor,
    bits: int,
    damping: float,
    *,
    factor_of: Callable[[Tensor], Tensor] = quantization.inverse_factor,
    feed: Feed | None = None,
    dead_to_zero: bool = True,
    regrid: bool = False,
    write_back: bool = False,
    read_given: bool = False,
    symmetric: bool = False,
    cut: bool = False,
    clip: bool = True,
    from_given: bool = False,
) -> tuple[Tensor, float]:
    """The loop with its parts exchangeable, and how near a value came to the middle of two codes."""
    dead = inputs.abs().sum(dim=0) == 0
    given = weight.masked_fill(dead, 0.0) if dead_to_zero else weight.clone()
    grid = quantization.code_range(bits)
    reach = grid if clip else (-999, 999)
    factor = factor_of(quantization.layer_hessian(inputs, damping))
    w, found, nearest = given.clone(), torch.zeros_like(given), 0.5
    for i in range(w.shape[1]):
        scale, zero_point = quantization.channel_qparams(w if regrid else given, *grid, symmetric=symmetric)
        column = given[:, i] if read_given else w[:, i]
        steps = column / scale
        nearest = min(nearest, float((steps - steps.floor() - 0.5).abs().min()))
        found[:, i] = _rounded(column, scale, zero_point, reach, torch.floor if cut else torch.round)
        error = (given[:, i] if from_given else column) - found[:, i]
        (feed or _forward)(w, error, factor, i)
        if write_back:
            w[:, i] = found[:, i]
    return found, nearest


def _rounded(
    column: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    codes: tuple[int, int],
    nearest: Callable[[Tensor], Tensor],
) -> Tensor:
    q = torch.clamp(nearest(column / scale) + zero_point, *codes)
    return (q - zero_point) * scale


def _forward(w: Tensor, error: Tensor, factor: Tensor, i: int) -> None:
    w[:, i + 1 :] -= torch.outer(error / factor[i, i], factor[i, i + 1 :])


def _layer(
    outputs: int, inputs: int, bits: int, tokens: int = 24, group: str | None = None, dead: bool = False
) -> CaseSpec:
    def make(rng: Generator) -> dict[str, object]:
        while True:
            mixing = np.eye(inputs) + rng.normal(size=(inputs, inputs)) / 2
            weight, x = rng.normal(size=(outputs, inputs)), rng.normal(size=(tokens, inputs)) @ mixing
            if dead:
                place = int(rng.integers(inputs - 1))
                x[:, place], weight[0, place] = 0, 3.0  # a weight that would stretch the grid
            # H of about 1, or a division by the wrong one of its entries would feed forward next to nothing.
            x *= 0.8 / np.sqrt(tokens)
            tensors = torch.from_numpy(weight), torch.from_numpy(x)
            _, nearest = walk(*tensors, bits, DAMPING)
            if nearest > CLEAR and _tells_apart(*tensors, bits, want=outputs * inputs == 30):
                return {"weight": weight, "inputs": x, "bits": bits, "damping": DAMPING}

    name = f"{outputs}×{inputs} weights on {bits} bits" + (", one input dead" if dead else "")
    return case(name, make, group=group)


def _tells_apart(weight: Tensor, inputs: Tensor, bits: int, want: bool) -> bool:
    """Whether the mistakes in the feedback lead to other codes than the right loop, and than each other."""
    mistakes = (
        *(to_nearest, stale_inverse, not_divided, divided_twice, wrong_diagonal, added, only_the_next),
        *(not_clipped, error_of_given, undamped),
    )
    results = [answer(weight, inputs, bits, DAMPING) for answer in (gptq, *mistakes)]
    if not want:
        return not torch.equal(results[0], results[1])
    return all(not torch.allclose(one, other) for one, other in combinations(results, 2))


asked = Exercise(
    "post_training.gptq",
    title="The loop",
    minutes=15,
    skills=["GPTQ", "error feedback"],
    reference=gptq,
    outputs=["weight"],
    groups={"weights": 3, "dead inputs": 1},
    cases=[
        _layer(1, 3, 3),
        _layer(3, 5, 2),
        _layer(4, 4, 4),
        _layer(5, 6, 4),
        _layer(2, 5, 3, group="dead inputs", dead=True),
    ],
    write_yourself=["course_lib.quantization.gptq:gptq_quantize"],
    hints=[
        "One pass over the columns. What is read in column i is what earlier columns have made of it; what is written "
        "goes to the columns after it.",
        "Before the loop: dead weights to 0, the grid (once), the factor U. In it: round the column, divide its error "
        "by U_ii, and subtract the outer product of that with the rest of row i of U.",
        "w = weight.clone(); for each i: column = w[:, i]; rounded = ...; error = (column - rounded) / U[i, i]; "
        "w[:, i + 1:] -= torch.outer(error, U[i, i + 1:]); w[:, i] = rounded.",
    ],
    follow_up="The loop is sequential in the columns. What can be done for all rows at once, and why may each row have "
    "its own grid?",
)


def _result(*args: object, **options: object) -> Tensor:
    return walk(*args, **options)[0]  # type: ignore[arg-type]  # handed on


@asked.misconception(
    "rounding to nearest",
    says="Every weight goes to its nearest code; the inputs play no part.",
    asks="What do columns to the right learn of the error that was just made?",
)
def to_nearest(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, feed=lambda w, error, factor, i: None)


@asked.misconception(
    "the original column is rounded",
    says="You feed errors forward, but then read the column as it was given.",
    asks="Which matrix does the loop change, and which one does it read?",
    same_as="to_nearest: nothing of what is fed forward is ever read",
)
def original_read(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, read_given=True)


@asked.misconception(
    "the lower factor",
    says="To the right of its diagonal a lower factor is 0: nothing is fed forward, and you get rounding to nearest.",
    asks="Which triangle of the factor holds the columns to come?",
    same_as="to_nearest: a row of the lower factor has nothing right of its diagonal",
)
def lower_factor(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, factor_of=lambda h: quantization.inverse_factor(h).T)


@asked.misconception(
    "columns of the lower factor of H",
    says="You read the columns of H's own Cholesky factor, as if it were the factor of the inverse.",
    asks="Of which matrix is U the factor?",
)
def factor_of_the_hessian(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, factor_of=lambda h: torch.linalg.cholesky(h).T)


@asked.misconception(
    "the inverse is never updated",
    says="You use rows of H⁻¹ in every step. Those let columns move that are already fixed.",
    asks="For column i, the inverse of which part of H is wanted? (Row i of U has it.)",
)
def stale_inverse(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, factor_of=torch.linalg.inv)


@asked.misconception(
    "not divided by the diagonal",
    says="You multiply the error with the row of U and forget its own first entry.",
    asks="By how much does an error of 1 in column i change column i, by your formula?",
)
def not_divided(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    def feed(w: Tensor, error: Tensor, factor: Tensor, i: int) -> None:
        w[:, i + 1 :] -= torch.outer(error, factor[i, i + 1 :])

    return _result(weight, inputs, bits, damping, feed=feed)


@asked.misconception(
    "divided by the squared diagonal",
    says="You divide by U_ii², the entry of H⁻¹; the row that you multiply with has one U_ii in it already.",
    asks="How often does U_ii stand in [H⁻¹]_ij, and how often in U_ij?",
)
def divided_twice(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    def feed(w: Tensor, error: Tensor, factor: Tensor, i: int) -> None:
        w[:, i + 1 :] -= torch.outer(error / factor[i, i] ** 2, factor[i, i + 1 :])

    return _result(weight, inputs, bits, damping, feed=feed)


@asked.misconception(
    "divided by the diagonal of H",
    says="You divide by the diagonal of the Hessian instead of that of U.",
    asks="Which number makes the update of column i itself equal to its error?",
)
def wrong_diagonal(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    diagonal = quantization.layer_hessian(inputs, damping).diagonal()

    def feed(w: Tensor, error: Tensor, factor: Tensor, i: int) -> None:
        w[:, i + 1 :] -= torch.outer(error / diagonal[i], factor[i, i + 1 :])

    return _result(weight, inputs, bits, damping, feed=feed)


@asked.misconception(
    "the error is added",
    says="You feed the error forward with the wrong sign: the columns to come make it worse.",
    asks="For two equal inputs: one weight came out too small. Must the next become larger or smaller?",
)
def added(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(
        weight, inputs, bits, damping, feed=lambda w, error, factor, i: _forward(w, -error, factor, i)
    )


@asked.misconception(
    "only the next column hears of the error",
    says="You pass the error on to one column, and it is forgotten after that.",
    asks="How long is the rest of row i?",
)
def only_the_next(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    def feed(w: Tensor, error: Tensor, factor: Tensor, i: int) -> None:
        w[:, i + 1 : i + 2] -= torch.outer(error / factor[i, i], factor[i, i + 1 : i + 2])

    return _result(weight, inputs, bits, damping, feed=feed)


@asked.misconception(
    "the grid follows the weights",
    says="You lay the grid anew in every step, so that the columns of a row lie on different grids.",
    asks="How many scales will be stored for a row?",
)
def new_grids(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, regrid=True)


@asked.misconception(
    "the grid follows the rounded weights",
    says="You lay the grid anew in every step, over the columns that are rounded and those to come: a row has many grids.",
    asks="How many scales will be stored for a row, and when must they be known?",
)
def new_grids_of_rounded(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, regrid=True, write_back=True)


@asked.misconception(
    "dead weights are kept",
    says="All is right but for the input that is always 0: its weights are rounded, and stretch the grid of their row.",
    asks="What does a weight whose input is 0 add to the output, and what does it do to the others' step?",
)
def dead_kept(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, dead_to_zero=False)


@asked.misconception(
    "codes are not clipped",
    says="Feedback pushes some weights off the grid, and they get codes that do not exist.",
    asks="The grid is laid over the weights as given. Do they stay inside it?",
)
def not_clipped(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, clip=False)


@asked.misconception(
    "the error of the given weights",
    says="You feed forward how far the rounded column is from the given one: what earlier columns fed to it is paid back.",
    asks="Which weights did the update leave in column i, and what does rounding add to that?",
)
def error_of_given(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, from_given=True)


@asked.misconception(
    "nothing is damped",
    says="You use 2XᵀX as it is.",
    asks="Where does the argument damping go?",
)
def undamped(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, 0.0)


@asked.misconception(
    "what was fed forward is returned",
    says="You return the weights as the updates left them: each column as it was just before it was rounded.",
    asks="Where are the rounded columns written?",
)
def not_written_back(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    found, _ = walk(weight, inputs, bits, damping)
    w = weight.masked_fill(inputs.abs().sum(dim=0) == 0, 0.0)
    factor = quantization.inverse_factor(quantization.layer_hessian(inputs, damping))
    for i in range(w.shape[1]):
        _forward(w, w[:, i] - found[:, i], factor, i)
    return w


@asked.misconception(
    "a symmetric grid",
    says="Your grids have the zero point 0; here they reach from the smallest to the largest weight of the row.",
    asks="What does channel_qparams do when it is not told?",
)
def symmetric_grid(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, symmetric=True)


@asked.misconception(
    "the fraction is cut off",
    says="You round down; the feedback repairs some of it, and not all.",
    asks="Which code is nearest to 2.9 steps?",
)
def rounded_down(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    return _result(weight, inputs, bits, damping, cut=True)


@asked.also_correct("the whole inverse, eliminated step by step, as in the paper before its Cholesky")
def eliminating(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    w = weight * (inputs != 0).any(dim=0)
    low, high = quantization.code_range(bits)
    step, zero = quantization.channel_qparams(w, low, high)
    inv = torch.inverse(quantization.layer_hessian(inputs, damping))
    for i in range(w.shape[1]):
        code = ((w[:, i] / step).round() + zero).clamp(low, high)
        q = (code - zero) * step
        w = w - ((w[:, i] - q) / inv[i, i])[:, None] * inv[i].clone() * (torch.arange(w.shape[1]) > i)
        w[:, i] = q
        inv = inv - torch.outer(inv[:, i], inv[i]) / inv[i, i]
    return w


@asked.also_correct("solving for the columns to come")
def solving(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    h = quantization.layer_hessian(inputs, damping)
    start = torch.where(inputs.abs().amax(dim=0) > 0, weight, 0)
    codes = quantization.code_range(bits)
    grid = quantization.channel_qparams(start, *codes)
    fixed: list[Tensor] = []
    for i in range(weight.shape[1]):
        # The best columns from i on, given all that is fixed: H_rr d_r = −H_rf d_f for the deviations d.
        column = start[:, i]
        if fixed:
            off = torch.stack(fixed, dim=1) - start[:, :i]
            column = column - torch.linalg.solve(h[i:, i:], h[i:, :i] @ off.T)[0]
        q = quantization.quantize(column.contiguous(), *grid, *codes, axis=0)
        fixed.append(quantization.dequantize(q, *grid, axis=0))
    return torch.stack(fixed, dim=1)


@asked.also_correct("the factor, with errors gathered and one product a column")
def gathering(weight: Tensor, inputs: Tensor, bits: int, damping: float) -> Tensor:
    weight = weight.clone()
    weight[:, (inputs == 0).all(dim=0)] = 0
    qmin, qmax = quantization.code_range(bits)
    s, z = quantization.channel_qparams(weight, qmin, qmax)
    upper = quantization.inverse_factor(quantization.layer_hessian(inputs, damping))
    errors, columns = torch.zeros_like(weight), []
    for i in range(weight.shape[1]):
        now = weight[:, i] - errors @ upper[:, i]
        columns.append(s * ((now / s).round().add(z).clamp(qmin, qmax) - z))
        errors[:, i] = (now - columns[-1]) / upper[i, i]
    return torch.stack(columns).T
