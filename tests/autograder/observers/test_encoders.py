"""Encoders that are built on the answer's side: their gradients, their dropout, and what an answer leaves."""

import numpy as np
import pytest
import torch

from autograder.case import Case
from autograder.observation import GRADIENT
from autograder.observers import FunctionObserver, from_json, observe, to_json

OBSERVER = from_json(to_json(FunctionObserver(outputs=("loss",), called_by="encoders")))


def case(image_dropout=0.0, text_dropout=0.0):
    rng = np.random.default_rng(0)
    return Case(
        "4 pairs",
        {
            "images": rng.normal(size=(4, 3)),
            "texts": rng.normal(size=(4, 3)),
            "image_weights": rng.normal(size=(2, 3, 3)),
            "text_weights": rng.normal(size=(2, 3, 3)),
            "logit_scale": np.array(4.0),
            "image_dropout": image_dropout,
            "text_dropout": text_dropout,
            "chunk_size": 2,
        },
    )


def plain(image_encoder, text_encoder, images, texts, loss_fn, chunk_size):
    loss = loss_fn(image_encoder(images), text_encoder(texts))
    loss.backward()
    return loss


def test_the_gradients_are_found_in_grad():
    given = case().inputs
    i, t, w, v, s = (
        torch.from_numpy(given[name]).requires_grad_()
        for name in ("images", "texts", "image_weights", "text_weights", "logit_scale")
    )
    features = [
        torch.nn.functional.normalize((x @ weight[0]).tanh() @ weight[1], dim=1)
        for x, weight in ((i, w), (t, v))
    ]
    logits = s * features[0] @ features[1].T
    loss = (logits.logsumexp(0) + logits.logsumexp(1)).mean() / 2 - logits.diagonal().mean()
    gradients = torch.autograd.grad(loss, [w, v, s])
    seen = observe(OBSERVER, plain, case())
    assert seen.error is None
    assert seen.arrays["loss"] == pytest.approx(loss.item())
    names = ("the image encoder's weights", "the text encoder's weights", "logit_scale")
    for name, gradient in zip(names, gradients, strict=True):
        np.testing.assert_allclose(seen.arrays[GRADIENT + name], gradient.numpy(), atol=1e-12)


def test_what_gets_no_gradient_has_gradient_zero():
    seen = observe(OBSERVER, lambda **given: torch.tensor(1.0), case())
    assert not any(array.any() for name, array in seen.arrays.items() if name.startswith(GRADIENT))


def test_dropout_draws_from_the_generator_and_only_where_it_is_asked_for():
    def twice(image_encoder, text_encoder, images, texts, **rest):
        state = torch.get_rng_state()
        first, second = image_encoder(images), image_encoder(images)
        text_encoder(texts)
        moved = not torch.equal(state, torch.get_rng_state())
        torch.set_rng_state(state)
        again = image_encoder(images)
        return torch.tensor(
            [float(torch.equal(first, second)), float(torch.equal(first, again)), float(moved)]
        )

    assert observe(OBSERVER, twice, case()).arrays["loss"].tolist() == [1, 1, 0]
    assert observe(OBSERVER, twice, case(image_dropout=0.5)).arrays["loss"].tolist() == [0, 1, 1]
    assert observe(OBSERVER, twice, case(text_dropout=0.5)).arrays["loss"].tolist() == [1, 1, 1]
