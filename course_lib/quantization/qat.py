"""Quantization-aware training: a copy of a model that rounds what the integer model will round."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.quantization.checks import check_bits
from course_lib.quantization.qat_layer import Core, QATLayer, Steps
from course_lib.validate import check_tensor

#: What may stand between the layers: it has no weights, and 0 remains 0.
PASSED = (nn.ReLU, nn.Flatten, nn.Identity)


def prepare_qat(
    model: nn.Module, weight_bits: int = 8, activation_bits: int = 8, *, steps: Steps = "minmax"
) -> nn.Module:
    """Copy a model, with every convolution and linear layer replaced by a `QATLayer`.

    Parameters
    ----------
    model : nn.Sequential, nn.Conv2d or nn.Linear
        Of Conv2d, Linear, BatchNorm, ReLU, Flatten and Identity layers and such sequences, in float32. It is
        not changed.
    weight_bits : int from 2 to 16, default 8
        Codes −(2^{b−1} − 1) … 2^{b−1} − 1, one step for each output channel.
    activation_bits : int from 2 to 16, default 8
        Of each layer's inputs; affine, one grid for each layer.
    steps : {"minmax", "learned"}, default "minmax"
        Whether a weight's step follows from its channel's largest weight, or is learned (LSQ).

    Returns
    -------
    nn.Module
        To be calibrated, trained and converted: see `calibrate` and `convert`.

    Raises
    ------
    TypeError, ValueError
        If bits are out of range, a layer is of another kind, or a batch normalisation follows neither a
        convolution nor a linear layer.

    Notes
    -----
    Batch normalisation is not folded during training: its factors pass through the per-channel quantization
    of the weights (see `fold_batch_norm`), so that folding at the end changes nothing.

    What the observers have seen is no part of the ``state_dict``: copy or pickle a calibrated model whole.

    References
    ----------
    Jacob et al. 2017, arXiv:1712.05877, section 3; Krishnamoorthi 2018, arXiv:1806.08342, section 3.2.

    Examples
    --------
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.ReLU())
    >>> [type(layer).__name__ for layer in prepare_qat(model, weight_bits=4)]
    ['QATLayer', 'Identity', 'ReLU']
    """
    check_bits("weight_bits", weight_bits)
    check_bits("activation_bits", activation_bits)
    if steps not in ("minmax", "learned"):
        raise ValueError(f'steps must be "minmax" or "learned", got {steps!r}.')
    if not isinstance(model, nn.Sequential | nn.Linear | nn.Conv2d):
        raise TypeError(f"model must be a Sequential, Conv2d or Linear, got {type(model).__name__}.")
    copied = copy.deepcopy(model)
    settings = weight_bits, activation_bits, steps
    return _replaced(copied, None, *settings) if isinstance(copied, Core) else _prepared(copied, *settings)


def calibrate(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Let the observers of a prepared model watch some data, and switch them off again.

    Parameters
    ----------
    model : nn.Module
        From `prepare_qat`. Its observers are changed, its weights and statistics are not.
    batches : iterable of Tensor
        Inputs like those in use; they are run in evaluation mode.

    Raises
    ------
    TypeError, ValueError
        If the model has no `QATLayer`, or there is no batch.

    Examples
    --------
    >>> model = prepare_qat(torch.nn.Linear(4, 3))
    >>> calibrate(model, [torch.randn(8, 4)])
    >>> model.observing, model(torch.randn(2, 4)).shape
    (False, torch.Size([2, 3]))
    """
    seen, training = 0, model.training
    set_observing(model, True)
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches:
                check_tensor("batches", batch)
                model(batch)
                seen += 1
    finally:
        set_observing(model, False)
        model.train(training)
    if seen == 0:
        raise ValueError("batches must hold at least one batch, got none.")


def set_observing(model: nn.Module, observing: bool) -> None:
    """Switch the observers of a prepared model on or off.

    Parameters
    ----------
    model : nn.Module
        From `prepare_qat`.
    observing : bool
        On, ranges follow the data, in evaluation mode too: then a result depends on what was run before.

    Raises
    ------
    TypeError, ValueError
        If ``observing`` is no bool, or the model has no `QATLayer`.

    Examples
    --------
    >>> model = prepare_qat(torch.nn.Linear(4, 3))
    >>> set_observing(model, True)
    >>> model.observing
    True
    """
    if not isinstance(observing, bool):
        raise TypeError(f"observing must be a bool, got {type(observing).__name__}.")
    for layer in qat_layers(model):
        layer.observing = observing


def qat_layers(model: Any) -> list[QATLayer]:
    """The `QATLayer`s of a prepared model, in order; an error if there is none."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}.")
    layers = [layer for layer in model.modules() if isinstance(layer, QATLayer)]
    if not layers:
        raise ValueError("model must come from prepare_qat: it has no QATLayer.")
    return layers


def _prepared(model: nn.Sequential, weight_bits: int, activation_bits: int, steps: Steps) -> nn.Sequential:
    """Replace in place: the model is a copy."""
    names = list(model._modules)
    for place, name in enumerate(names):
        layer = model._modules[name]
        following = model._modules[names[place + 1]] if place + 1 < len(names) else None
        norm = following if isinstance(following, nn.BatchNorm1d | nn.BatchNorm2d) else None
        if isinstance(layer, nn.Sequential):
            _prepared(layer, weight_bits, activation_bits, steps)
        elif isinstance(layer, Core):
            model._modules[name] = _replaced(layer, norm, weight_bits, activation_bits, steps)
            if norm is not None:
                model._modules[names[place + 1]] = nn.Identity()  # keeps the places of the others
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            raise ValueError(
                f"model has a {type(layer).__name__} at {name!r} that follows neither a Conv2d nor a Linear "
                "layer, so that it cannot be folded."
            )
        elif not isinstance(layer, PASSED):
            raise TypeError(
                f"model may hold Conv2d, Linear, BatchNorm, ReLU, Flatten and Identity layers, "
                f"got {type(layer).__name__} at {name!r}."
            )
    return model


def _replaced(
    core: Core, norm: nn.Module | None, weight_bits: int, activation_bits: int, steps: Steps
) -> QATLayer:
    if core.weight.dtype != torch.float32:
        raise TypeError(f"model must be in torch.float32, got a weight of {core.weight.dtype}.")
    if isinstance(core, nn.Conv2d) and core.padding_mode != "zeros":
        raise ValueError(f"model may pad with zeros only, got padding_mode {core.padding_mode!r}.")
    if norm is not None and (norm.running_mean is None or norm.weight is None):
        raise ValueError("model has a batch normalisation without running statistics or without gains.")
    return QATLayer(core, norm, weight_bits, activation_bits, steps).train(core.training)
