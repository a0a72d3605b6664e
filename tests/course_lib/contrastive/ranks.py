"""Real processes for test_distributed.py: ``python ranks.py FOLDER`` runs every case for 1 to 4 ranks.

torch is imported once, and the ranks are forked from there, before it has started any thread.
"""

from __future__ import annotations

import multiprocessing
import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from course_lib.contrastive import distributed_clip_loss, distributed_siglip_loss

LOCAL, DIM, WORLDS = 3, 4, (1, 2, 3, 4)
SCALES = {"clip": 20.0, "siglip": 5.0}
BIAS = -2.0


class Towers(torch.nn.Module):
    """A pair of linear encoders and the two scalars, the same on every rank."""

    def __init__(self, kind):
        super().__init__()
        generator = torch.Generator().manual_seed(7)
        weights = torch.randn(2, DIM, DIM, generator=generator, dtype=torch.float64)
        self.image, self.text = (torch.nn.Parameter(weight) for weight in weights)
        self.log_scale = torch.nn.Parameter(torch.tensor(SCALES[kind], dtype=torch.float64).log())
        # DistributedDataParallel waits for every parameter: there must be none that the loss does not use.
        if kind == "siglip":
            self.bias = torch.nn.Parameter(torch.tensor(BIAS, dtype=torch.float64))

    def forward(self, images, texts):
        bias = self.bias + 0 if hasattr(self, "bias") else None
        return F.normalize(images @ self.image), F.normalize(texts @ self.text), self.log_scale.exp(), bias


def batch(world):
    """Raw images and texts of all ranks together."""
    generator = torch.Generator().manual_seed(world)
    return torch.randn(2, world * LOCAL, DIM, generator=generator, dtype=torch.float64)


def loss_of(kind, features, group=None):
    image, text, scale, bias = features
    if kind == "clip":
        return distributed_clip_loss(image, text, scale, group)
    return distributed_siglip_loss(image, text, scale, bias, group)


def own(rows, rank):
    return rows[rank * LOCAL : (rank + 1) * LOCAL]


def whole_batch(rank, world, kind):
    """Value, gradients of features, gradients of parameters averaged as DistributedDataParallel does."""
    model = Towers(kind)
    features = model(*(own(rows, rank) for rows in batch(world)))
    for tensor in features[:2]:
        tensor.retain_grad()
    loss = loss_of(kind, features)
    loss.backward()
    parameters = {name: p.grad for name, p in model.named_parameters()}
    for grad in parameters.values():
        dist.all_reduce(grad)
        grad /= world
    return {"loss": loss.detach(), "features": [x.grad for x in features[:2]], "parameters": parameters}


def through_ddp(rank, world, kind):
    model = DistributedDataParallel(Towers(kind))
    loss_of(kind, model(*(own(rows, rank) for rows in batch(world)))).backward()
    return {name: p.grad for name, p in model.module.named_parameters()}


def without_text_gradients(rank, world, kind):
    """A locked tower, floats for scalars, and features in another layout."""
    image, text = (own(rows, rank) for rows in F.normalize(batch(world), dim=2))
    image = image.T.contiguous().T.requires_grad_()
    loss = loss_of(kind, (image, text, SCALES[kind], BIAS))
    return {"loss": loss.detach(), "image": torch.autograd.grad(loss, image)[0]}


def in_two_groups(rank, world, kind):
    """Two groups: all ranks but the first, which are then numbered anew, and the first by itself."""
    many, single = list(range(1, world)), [0]
    groups = [dist.new_group(ranks) for ranks in (many, single)]
    mine = many if rank in many else single
    image, text = (own(rows, rank) for rows in F.normalize(batch(world), dim=2))
    loss = loss_of(kind, (image.requires_grad_(), text, SCALES[kind], BIAS), groups[rank not in many])
    result = {"ranks": mine, "loss": loss.detach(), "image": torch.autograd.grad(loss, image)[0]}
    other = groups[rank in many]
    try:
        loss_of(kind, (image, text, SCALES[kind], BIAS), other)
    except ValueError as error:
        result["foreign group"] = str(error)
    return result


def uneven(rank, world, kind):
    features = torch.ones(2 + (rank == world - 1), DIM)
    try:
        loss_of(kind, (features, features, 1.0, 0.0))
    except ValueError as error:
        return str(error)


def differentiated_twice(rank, world, kind):
    image, text, scale, bias = Towers(kind)(*(own(rows, rank) for rows in batch(world)))
    try:
        torch.autograd.grad(loss_of(kind, (image, text, scale, bias)), (image, text), create_graph=True)
    except RuntimeError as error:
        return str(error)


def run(rank, world, folder):
    dist.init_process_group(
        "gloo",
        store=dist.FileStore(str(folder / f"store-{world}"), world),
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=60),
    )
    results = {}
    for kind in SCALES:
        cases = [whole_batch, through_ddp, without_text_gradients]
        if world > 1:
            cases += [in_two_groups, uneven, differentiated_twice]
        for case in cases:
            results[case.__name__, kind] = case(rank, world, kind)
    torch.save(results, folder / f"{world}-{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    import torch._dynamo  # DistributedDataParallel wants it: once here, instead of once in every rank

    folder = Path(sys.argv[1])
    fork = multiprocessing.get_context("fork")
    for world in WORLDS:
        processes = [fork.Process(target=run, args=(rank, world, folder)) for rank in range(world)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            sys.exit(f"a rank of {world} failed")
