"""The step of a big batch with the activations of a small one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import CaseSpec, Exercise, Group, case
from autograder.observers import FunctionObserver
from course_lib import contrastive

Encoder = Callable[[Tensor], Tensor]
LossFn = Callable[[Tensor, Tensor], Tensor]


def _batch(
    batch: int,
    chunk_size: int,
    group: str | None = None,
    image_dropout: float = 0.0,
    text_dropout: float = 0.0,
    layers: int = 2,
    **more: int,
) -> CaseSpec:
    # Dropout in one tower only: the order in which the towers are encoded changes nothing then.
    tower = "images" if image_dropout else "texts"
    width = 4
    return case(
        f"{batch} pairs in chunks of {chunk_size}"
        + (f", with dropout on the {tower}" if image_dropout or text_dropout else ""),
        lambda rng: {
            "images": rng.normal(size=(batch, width)),
            "texts": rng.normal(size=(batch, width)),
            "image_weights": rng.normal(size=(layers, width, width)),
            "text_weights": rng.normal(size=(layers, width, width)),
            "logit_scale": rng.uniform(3, 6, size=()),
            "image_dropout": image_dropout,
            "text_dropout": text_dropout,
            "chunk_size": chunk_size,
            **more,
        },
        group=group,
    )


asked = Exercise(
    "large_batches.grad_cache_step",
    title="Gradient caching",
    minutes=15,
    skills=["chain rule", "memory", "random state"],
    reference=contrastive.grad_cache_step,
    observer=FunctionObserver(outputs=("loss",), called_by="encoders", room="room"),
    groups={
        "loss": 1,
        "gradient": Group(1, needs=("loss",)),  # gradients stay in .grad, whatever is returned
        "dropout": Group(1, needs=("loss",)),
        "memory": Group(1, needs=("loss",)),
    },
    cases=[
        _batch(4, 2),
        _batch(5, 2),
        _batch(3, 7),
        _batch(5, 2, "dropout", image_dropout=0.5),
        _batch(5, 2, "dropout", text_dropout=0.4),
        _batch(12, 3, "memory", layers=7, room=1350),
    ],
    hints=[
        "The loss needs all features, but the encoder needs only one chunk at a time, if you know what the loss wants "
        "of that chunk's features.",
        "First pass under torch.no_grad(): save torch.get_rng_state() before each chunk, keep the features. Then features "
        "that require gradients, loss_fn, .backward(). Second pass, with gradients: set the saved state, encode the "
        "chunk, and send its rows of features.grad backward.",
        "images_ = torch.cat(...).requires_grad_(); loss = loss_fn(images_, texts_); loss.backward(); then for each chunk: "
        "torch.set_rng_state(its state); image_encoder(chunk).backward(its rows of images_.grad).",
    ],
    follow_up="Which layers make the features of one row depend on the other rows of its chunk?",
)


def _step(
    image_encoder: Encoder,
    text_encoder: Encoder,
    images: Tensor,
    texts: Tensor,
    loss_fn: LossFn,
    chunk_size: int,
    *,
    state: str = "replayed",
    scale: bool = True,
    factor: float = 1.0,
    skip_last: bool = False,
    towers: tuple[int, ...] = (0, 1),
    cotangent: bool = True,
) -> Tensor:
    """Gradient caching, with one thing or another left out."""
    encoders, inputs = (image_encoder, text_encoder), (images.split(chunk_size), texts.split(chunk_size))
    states, features = [], []
    with torch.no_grad():
        for encoder, chunks in zip(encoders, inputs, strict=True):
            kept = []
            for chunk in chunks:
                states.append(torch.get_rng_state())
                kept.append(encoder(chunk))
            features.append(torch.cat(kept).requires_grad_())
    loss = loss_fn(*features)
    if scale:
        loss.backward()
        cache = [feature.grad for feature in features]
    else:
        cache = list(torch.autograd.grad(loss, features))
    for tower in towers:
        for number, chunk in enumerate(inputs[tower]):
            if skip_last and len(chunk) < chunk_size and number:
                continue
            if state == "replayed":
                torch.set_rng_state(states[tower * len(inputs[0]) + number])
            elif state == "first":
                torch.set_rng_state(states[0])
            rows = cache[tower][number * chunk_size : (number + 1) * chunk_size]  # type: ignore[index]
            encoder_features = encoders[tower](chunk)
            encoder_features.backward(factor * rows if cotangent else torch.ones_like(rows))
    return loss.detach()


@asked.misconception(
    "the random state is not replayed",
    says="The second pass draws other dropout masks than the first, so the cached gradient belongs to other features.",
    asks="Which numbers does dropout draw in the second pass, and which should it draw?",
)
def not_replayed(**given: Any) -> Tensor:
    return _step(**given, state="free")


@asked.misconception(
    "every chunk replays the first state",
    says="All chunks of the second pass get the masks of the first chunk.",
    asks="How far had the generator moved when the second chunk was encoded?",
)
def first_state(**given: Any) -> Tensor:
    return _step(**given, state="first")


@asked.misconception(
    "the generator is seeded",
    says="Both passes draw the same masks, but so will every step of the training: you put the generator back to the same "
    "seed each time.",
    asks="Which state should the first pass find: a fixed one, or the one that the step before has left?",
)
def seeded(right: Any, **given: Any) -> Tensor:
    torch.default_generator.manual_seed(0)
    return right(**given)


@asked.misconception(
    "the scale gets no gradient",
    says="You differentiate the loss with respect to the features only; the parameters of the loss itself get nothing.",
    asks="Which gradients does torch.autograd.grad(loss, features) leave out that loss.backward() would take?",
)
def no_scale(**given: Any) -> Tensor:
    return _step(**given, scale=False)


@asked.misconception(
    "the last, shorter chunk is dropped in the second pass",
    says="Your loss is right, but rows beyond the last whole chunk send nothing back.",
    asks="How many chunks does your second loop visit when chunk_size does not divide the batch?",
)
def last_dropped(**given: Any) -> Tensor:
    return _step(**given, skip_last=True)


@asked.misconception(
    "the batch is cut to whole chunks",
    says="Rows beyond the last whole chunk are left out of the loss as well.",
    asks="How many chunks do your loops visit when chunk_size does not divide the batch?",
)
def batch_cut(right: Any, images: Tensor, texts: Tensor, chunk_size: int, **given: Any) -> Tensor:
    kept = len(images) // chunk_size * chunk_size or len(images)
    return right(images=images[:kept], texts=texts[:kept], chunk_size=chunk_size, **given)


@asked.misconception(
    "the gradients are divided by the number of chunks",
    says="The encoders' gradients are too small by the number of chunks, as if chunks had losses of their own to average.",
    asks="The cache already belongs to the mean over the batch. What is there to average?",
)
def averaged(images: Tensor, chunk_size: int, **given: Any) -> Tensor:
    chunks = -(-len(images) // chunk_size)
    return _step(images=images, chunk_size=chunk_size, **given, factor=1 / chunks)


@asked.misconception(
    "the chunks are separate batches",
    says="This is plain gradient accumulation: pairs of different chunks never meet.",
    asks="How many negatives does each image see in loss_fn?",
)
def accumulation(
    image_encoder: Encoder,
    text_encoder: Encoder,
    images: Tensor,
    texts: Tensor,
    loss_fn: LossFn,
    chunk_size: int,
) -> Tensor:
    losses = []
    chunks = list(zip(images.split(chunk_size), texts.split(chunk_size), strict=True))
    for one, other in chunks:
        loss = loss_fn(image_encoder(one), text_encoder(other)) / len(chunks)
        loss.backward()
        losses.append(loss.detach())
    return torch.stack(losses).sum()


@asked.misconception(
    "the texts send nothing back",
    says="Your loss and the image encoder's gradient are right; the text encoder gets none.",
    asks="Which towers does your second pass encode again?",
)
def no_texts(**given: Any) -> Tensor:
    return _step(**given, towers=(0,))


@asked.misconception(
    "the cache is not used",
    says="You send ones backward through the encoders: the gradient of the sum of all features.",
    asks="What does the loss want of each feature, and where do you hand it to .backward()?",
)
def no_cache(**given: Any) -> Tensor:
    return _step(**given, cotangent=False)


@asked.misconception(
    "the first pass keeps its graph",
    says="Your numbers are right, but the activations of the whole batch are alive at once.",
    asks="Who needs the activations of the first pass?",
)
def plain(
    image_encoder: Encoder,
    text_encoder: Encoder,
    images: Tensor,
    texts: Tensor,
    loss_fn: LossFn,
    chunk_size: int,
) -> Tensor:
    features = [
        torch.cat([encoder(chunk) for chunk in inputs.split(chunk_size)])
        for encoder, inputs in ((image_encoder, images), (text_encoder, texts))
    ]
    loss = loss_fn(*features)
    loss.backward()
    return loss.detach()


@asked.also_correct("chunk by chunk, both towers side by side")
def side_by_side(
    image_encoder: Encoder,
    text_encoder: Encoder,
    images: Tensor,
    texts: Tensor,
    loss_fn: LossFn,
    chunk_size: int,
) -> Tensor:
    starts = range(0, len(images), chunk_size)
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for start in starts:
        state = torch.get_rng_state()
        with torch.no_grad():
            rows = slice(start, start + chunk_size)
            kept.append((state, image_encoder(images[rows]), text_encoder(texts[rows])))
    all_images = torch.cat([image for _, image, _ in kept]).requires_grad_()
    all_texts = torch.cat([text for _, _, text in kept]).requires_grad_()
    loss = loss_fn(all_images, all_texts)
    loss.backward()
    for start, (state, _, _) in zip(starts, kept, strict=True):
        rows = slice(start, start + chunk_size)
        torch.set_rng_state(state)
        encoded = image_encoder(images[rows]), text_encoder(texts[rows])
        torch.autograd.backward(encoded, (all_images.grad[rows], all_texts.grad[rows]))  # type: ignore[index]
    return loss.detach()


@asked.also_correct("dot products with the cache, and a forked generator")
def dot_products(
    image_encoder: Encoder,
    text_encoder: Encoder,
    images: Tensor,
    texts: Tensor,
    loss_fn: LossFn,
    chunk_size: int,
) -> Tensor:
    towers = [(image_encoder, images.split(chunk_size)), (text_encoder, texts.split(chunk_size))]
    states: list[list[Tensor]] = [[], []]
    leaves = []
    for number, (encoder, chunks) in enumerate(towers):
        encoded = []
        for chunk in chunks:
            states[number].append(torch.random.get_rng_state())
            with torch.no_grad():
                encoded.append(encoder(chunk))
        leaves.append(torch.cat(encoded).detach().requires_grad_(True))
    loss = loss_fn(leaves[0], leaves[1])
    loss.backward()
    for number, (encoder, chunks) in enumerate(towers):
        caches = leaves[number].grad.split(chunk_size)  # type: ignore[union-attr]
        for chunk, cache, state in zip(chunks, caches, states[number], strict=True):
            with torch.random.fork_rng(devices=[]):
                torch.random.set_rng_state(state)
                (encoder(chunk) * cache).sum().backward()
    return loss.detach()
