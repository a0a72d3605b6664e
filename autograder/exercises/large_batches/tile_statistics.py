"""The log-sum-exps of all rows and all columns, from tiles of the logits."""

import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise
from autograder.exercises.ingredients import pairs
from autograder.observers import FunctionObserver
from course_lib import contrastive

Statistics = tuple[Tensor, Tensor]


def tiles(
    batch: int, tile: int, logit_scale: float, dim: int = 3, group: str | None = None, **more: int
) -> CaseSpec:
    """A batch of pairs and the size of a tile; with `room`, how many numbers may be alive at once."""
    whole = pairs(batch, dim, logit_scale)
    name = f"{batch} pairs in tiles of {tile} at scale {logit_scale:g}"
    return CaseSpec(name, lambda rng: {**whole.make(rng), "tile": tile, **more}, group)


asked = Exercise(
    "large_batches.tile_statistics",
    title="Rows and columns at once",
    minutes=12,
    skills=["log-sum-exp", "tiling", "memory"],
    reference=contrastive.tile_statistics,
    observer=FunctionObserver(outputs=("rows", "columns"), room="room"),
    groups={"value": 1, "stability": 1, "memory": 1},
    cases=[
        tiles(3, 2, 2.0),
        tiles(5, 2, 8.0),
        tiles(4, 9, 5.0),
        tiles(5, 2, 1000.0, group="stability"),
        tiles(60, 10, 5.0, 2, "memory", room=3000),
    ],
    write_yourself=["course_lib.contrastive.infonce:clip_loss"],
    hints=[
        "A tile knows part of its rows and part of its columns. What do you carry from tile to tile for each row and "
        "for each column?",
        "Two vectors of N, filled with −inf. For each pair of ranges i and j: the tile's logits [tile, tile]; merge its "
        "row log-sum-exps into rows[i], its column log-sum-exps into columns[j].",
        "rows[i : i + tile] = torch.logaddexp(rows[i : i + tile], block.logsumexp(dim=1)), and the same for the columns "
        "with dim=0. The slice of the last tile is shorter by itself.",
    ],
    follow_up="Each tile is visited once. In which order must the tiles come?",
)


def _right(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Statistics:
    logits = logit_scale * image_features @ text_features.T
    return logits.logsumexp(dim=1), logits.logsumexp(dim=0)


@asked.misconception(
    "the columns keep only their last tile",
    says="Your rows are right; each column holds the log-sum-exp of the last tile that was written into it.",
    asks="When the second tile of a column comes, what happens to the first one's share?",
)
def columns_overwritten(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int
) -> Statistics:
    rows, _ = _right(image_features, text_features, logit_scale)
    last = (len(image_features) - 1) // tile * tile
    return rows, _right(image_features[last:], text_features, logit_scale)[1]


@asked.misconception(
    "rows and columns keep only their last tile",
    says="You overwrite what was there instead of merging with it.",
    asks="What stood in rows[i] before this tile, and where does it go?",
)
def both_overwritten(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int
) -> Statistics:
    last = (len(image_features) - 1) // tile * tile
    return (
        _right(image_features, text_features[last:], logit_scale)[0],
        _right(image_features[last:], text_features, logit_scale)[1],
    )


def _blocks(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    """Log-sum-exps of every tile: [tiles, N] for the rows, and for the columns."""
    rows = torch.stack([_right(image_features, part, logit_scale)[0] for part in text_features.split(tile)])
    columns = torch.stack(
        [_right(part, text_features, logit_scale)[1] for part in image_features.split(tile)]
    )
    return rows, columns


@asked.misconception(
    "log-sum-exps of the tiles are added",
    says="You add logarithms, which multiplies the sums.",
    asks="Which function gives log(e^a + e^b)?",
)
def added(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    rows, columns = _blocks(image_features, text_features, logit_scale, tile)
    return rows.sum(dim=0), columns.sum(dim=0)


@asked.misconception(
    "the largest tile wins",
    says="You keep the largest log-sum-exp of a tile and lose the others' share.",
    asks="Two tiles with log-sum-exp 1 each: what is the log-sum-exp of both?",
)
def largest(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    rows, columns = _blocks(image_features, text_features, logit_scale, tile)
    return rows.amax(dim=0), columns.amax(dim=0)


@asked.misconception(
    "only the tiles on the diagonal",
    says="Images and texts of different tiles never meet: these are the statistics of separate small batches.",
    asks="How many tiles does the matrix have, and how many does your loop visit?",
)
def diagonal_only(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int
) -> Statistics:
    parts = [
        _right(i, t, logit_scale)
        for i, t in zip(image_features.split(tile), text_features.split(tile), strict=True)
    ]
    return torch.cat([rows for rows, _ in parts]), torch.cat([columns for _, columns in parts])


@asked.misconception(
    "the statistics start at 0",
    says="Every row and column has one term e⁰ = 1 too many.",
    asks="What is the logarithm of a sum of no exponentials?",
)
def starts_at_zero(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int
) -> Statistics:
    rows, columns = _right(image_features, text_features, logit_scale)
    zero = torch.zeros_like(rows)
    return torch.logaddexp(zero, rows), torch.logaddexp(zero, columns)


@asked.misconception(
    "rows and columns are exchanged",
    says="Your first result belongs to the texts, and your second to the images.",
    asks="Which axis does the sum over all texts run along?",
)
def exchanged(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    rows, columns = _right(image_features, text_features, logit_scale)
    return columns, rows


@asked.misconception(
    "the scale is missing",
    says="These are log-sum-exps of the cosines.",
    asks="What is between the cosine s_ij and the logit ℓ_ij?",
)
def no_scale(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    return _right(image_features, text_features, torch.ones_like(logit_scale))


@asked.misconception(
    "the last, smaller tiles are dropped",
    says="Images and texts beyond the last whole tile count for nobody.",
    asks="Where do your two loops stop when the tile does not divide the batch?",
)
def last_dropped(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    kept = len(image_features) // tile * tile or len(image_features)
    rows, columns = (
        torch.full((len(image_features),), -torch.inf, dtype=image_features.dtype) for _ in range(2)
    )
    rows[:kept], columns[:kept] = _right(image_features[:kept], text_features[:kept], logit_scale)
    return rows, columns


@asked.misconception(
    "sums of exponentials without a shift",
    says="It is right at small scales; at scale 1000 exp overflows.",
    asks="Do you carry sums, or their logarithms?",
)
def no_shift(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    exponentials = (logit_scale * image_features @ text_features.T).exp()
    return exponentials.sum(dim=1).log(), exponentials.sum(dim=0).log()


@asked.misconception(
    "all logits at once",
    says="Your numbers are right, but you build the whole N×N matrix.",
    asks="What is the largest tensor in your function?",
)
def whole(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    return _right(image_features, text_features, logit_scale)


@asked.also_correct("two vectors, filled tile by tile")
def filled(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    batch = len(image_features)
    rows, columns = (torch.full((batch,), -torch.inf, dtype=image_features.dtype) for _ in range(2))
    for i in range(0, batch, tile):
        for j in range(0, batch, tile):
            block = logit_scale * image_features[i : i + tile] @ text_features[j : j + tile].T
            rows[i : i + tile] = torch.logaddexp(rows[i : i + tile], torch.logsumexp(block, 1))
            columns[j : j + tile] = torch.logaddexp(columns[j : j + tile], torch.logsumexp(block, 0))
    return rows, columns


@asked.also_correct("strips of rows, then strips of columns")
def strips(image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int) -> Statistics:
    rows = [(logit_scale * part @ text_features.T).logsumexp(dim=1) for part in image_features.split(tile)]
    columns = [(logit_scale * part @ image_features.T).logsumexp(dim=1) for part in text_features.split(tile)]
    return torch.cat(rows), torch.cat(columns)


@asked.also_correct("maxima and sums")
def maxima_and_sums(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor, tile: int
) -> Statistics:
    def stream(queries: Tensor, keys: Tensor) -> Tensor:
        top = torch.full((len(queries),), -torch.inf, dtype=queries.dtype)
        total = torch.zeros_like(top)
        for part in keys.split(tile):
            block = torch.einsum("id,jd->ij", queries, part).mul(logit_scale)
            new = torch.maximum(top, block.amax(1))
            total = total * torch.exp(top - new) + torch.exp(block - new[:, None]).sum(1)
            top = new
        return top + total.log()

    return stream(image_features, text_features), stream(text_features, image_features)
