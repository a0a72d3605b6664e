"""Real processes that reproduce the loss and the gradients of one."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

import course_lib
from course_lib import contrastive

Loss = Callable[..., Tensor]
SECONDS = 60.0  # after which processes that wait for each other are ended
HEADER = '"""Written by an experiment: processes cannot import what a notebook defines."""\n\n' + (
    "import math\n\nimport torch\nfrom torch import Tensor\n\nfrom course_lib import contrastive\n\n\n"
)


def gathered_without_gradients(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: contrastive.Group
) -> Tensor:
    """The naive gather: the loss of the whole batch, in which only the own features carry gradients."""

    def everyone(local: Tensor) -> Tensor:
        parts = list(group.all_gather(local))
        parts[group.rank] = local
        return torch.cat(parts)

    return contrastive.clip_loss(everyone(image_features), everyone(text_features), logit_scale)


def library(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, group: contrastive.Group
) -> Tensor:
    """The library's loss for training, which finds the processes by itself."""
    return contrastive.distributed_clip_loss(image_features, text_features, logit_scale)


class Processes(NamedTuple):
    """The same step in several processes and in one; errors and lengths relative to the one's gradient."""

    world_size: int
    loss_error: float
    gradient_error: float
    library_gradient_error: float
    naive_loss_error: float
    naive_length: float
    naive_cosine: float
    naive_scale_length: float
    seconds: float
    yours: bool


def processes(world_size: int = 2, answer: Loss | None = None, batch: int = 64, dim: int = 16) -> Processes:
    """Start real processes (gloo), take one step's gradients in them, and compare with a single process.

    Every process gets its shard of inputs, encodes it with the same linear towers, takes its loss, and the
    gradients are averaged, as DistributedDataParallel does. `answer` is a learner's gathered_clip_loss, whose
    source is written to a module first; ours is used where it does not run.
    """
    started = time.perf_counter()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, batch, dim, generator=generator, dtype=torch.float64)
    weights = torch.randn(2, dim, dim, generator=generator, dtype=torch.float64)
    right = step(inputs, weights, contrastive.clip_loss)

    try:
        yours = answer is not None
        found = _in_processes(world_size, inputs, weights, answer)
    except (RuntimeError, OSError):
        if not yours:
            raise
        yours = False  # a measurement must not stop a notebook because an answer does not run
        found = _in_processes(world_size, inputs, weights, None)
    ours, naive_found = found["gathered_clip_loss"], found["gathered_without_gradients"]
    naive_weights, right_weights = naive_found[1:-1], right[1:-1]
    return Processes(
        world_size,
        abs(float(ours[0] - right[0])),
        _relative_error(ours[1:], right[1:]),
        _relative_error(found["library"][1:], right[1:]),
        abs(float(naive_found[0] - right[0])),
        float(naive_weights.norm() / right_weights.norm()),
        float(naive_weights @ right_weights / (naive_weights.norm() * right_weights.norm())),
        float(naive_found[-1] / right[-1]),
        time.perf_counter() - started,
        yours,
    )


def _relative_error(got: Tensor, right: Tensor) -> float:
    return float((got - right).norm() / right.norm())


def step(inputs: Tensor, weights: Tensor, loss_of: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Loss and gradients of two linear towers and a scale, as one vector: loss, weights, scale."""
    towers = weights.clone().requires_grad_()
    scale = torch.tensor(5.0, dtype=weights.dtype, requires_grad=True)
    images, texts = (torch.nn.functional.normalize(x @ w, dim=1) for x, w in zip(inputs, towers, strict=True))
    loss = loss_of(images, texts, scale)
    gradients = torch.autograd.grad(loss, [towers, scale])
    return torch.cat([x.detach().flatten() for x in (loss, *gradients)])


def _in_processes(world_size: int, inputs: Tensor, weights: Tensor, answer: Loss | None) -> dict[str, Tensor]:
    """Write a module with the answer and the naive gather, and let processes run both."""
    mine = "gathered_clip_loss = contrastive.gathered_clip_loss\n"
    if answer is not None:
        mine = f"{textwrap.dedent(inspect.getsource(answer))}\n\ngathered_clip_loss = {answer.__name__}\n"
    others = [
        textwrap.dedent(inspect.getsource(function)) for function in (gathered_without_gradients, library)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "answers.py").write_text(HEADER + "\n\n\n".join((mine, *others)), encoding="utf-8")
        np.savez(folder / "given.npz", inputs=inputs.numpy(), weights=weights.numpy())
        return _run(folder, world_size, ("gathered_clip_loss", "gathered_without_gradients", "library"))


def _run(folder: Path, world_size: int, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Start the processes, wait for them, and return each function's averaged loss and gradients."""
    root = str(Path(course_lib.__file__).parents[1])
    path = os.pathsep.join([root, str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "course_lib.experiments.large_batches.worker",
        str(folder),
        str(world_size),
    ]
    running = [
        subprocess.Popen(
            [*command, str(rank), *names],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world_size)
    ]
    complaints = []
    try:
        deadline = time.monotonic() + SECONDS
        for process in running:
            _, errors = process.communicate(timeout=max(1.0, deadline - time.monotonic()))
            if process.returncode:
                complaints.append(errors.strip().splitlines()[-1] if errors.strip() else "no message")
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(
            f"After {SECONDS:g} s the {world_size} processes still wait for each other: does every rank make "
            "the same calls in the same order?"
        ) from error
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.communicate()
    if complaints:
        raise RuntimeError(f"{len(complaints)} of {world_size} processes failed: {complaints[0]}")
    with np.load(folder / "found.npz") as found:
        return {name: torch.from_numpy(found[name]) for name in names}
