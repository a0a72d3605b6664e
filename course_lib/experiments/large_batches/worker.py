"""One of several processes: ``python -m ...worker FOLDER WORLD_SIZE RANK FUNCTION...``."""

from __future__ import annotations

import importlib
import os
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch

from course_lib.contrastive import TorchGroup
from course_lib.experiments.large_batches.real_processes import step


def main(folder: Path, world_size: int, rank: int, names: list[str]) -> None:
    """Take this rank's step with each function, and let rank 0 write the averages."""
    # Processes on one machine need no network, and a machine without one may not even know its own name.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", {"linux": "lo", "darwin": "lo0"}.get(sys.platform, ""))
    if not os.environ["GLOO_SOCKET_IFNAME"]:
        del os.environ["GLOO_SOCKET_IFNAME"]
    store = torch.distributed.FileStore(str(folder / "store"), world_size)
    torch.distributed.init_process_group(
        "gloo", store=store, rank=rank, world_size=world_size, timeout=timedelta(seconds=30)
    )
    answers = importlib.import_module("answers")
    with np.load(folder / "given.npz") as given:
        inputs, weights = (torch.from_numpy(given[name]) for name in ("inputs", "weights"))
    mine = inputs.chunk(world_size, dim=1)[rank]
    group = TorchGroup()
    found = {}
    for name in names:
        function = getattr(answers, name)
        result = step(mine, weights, lambda *given, f=function: f(*given, group))
        torch.distributed.all_reduce(result)
        found[name] = (result / world_size).numpy()
    if rank == 0:
        np.savez(folder / "found.npz", **found)  # type: ignore[arg-type]  # the arrays, by name
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
