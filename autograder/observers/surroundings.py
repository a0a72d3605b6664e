"""The same surroundings for every run: global settings and random states, put back afterwards."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def fixed_surroundings() -> Iterator[None]:
    """Run the block with fresh global settings and random states, and restore the former ones.

    What a notebook did before a check (a seed, ``torch.set_grad_enabled(False)``, a default dtype)
    must not change the verdict, and what an answer does must not change the notebook.

    One thread, because cases are small: several only wait for one another, which on a busy machine makes
    a verdict ten times slower, and they round in another order.
    """
    import torch

    python, legacy, generator = random.getstate(), np.random.get_state(), torch.get_rng_state()
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    with (
        np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        torch.set_default_dtype(torch.float32)
        if threads != 1:
            torch.set_num_threads(1)
        torch.default_generator.manual_seed(0)  # torch.manual_seed would reach every GPU as well
        np.random.seed(0)
        random.seed(0)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)
            torch.set_rng_state(generator)
            torch.set_default_dtype(dtype)
            if torch.get_num_threads() != threads:
                torch.set_num_threads(threads)
