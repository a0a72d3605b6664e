"""What the layers with integer weights share: they are made from a Linear, and are not trained."""

from typing import Any, Self

import torch
from torch import Tensor

from course_lib.validate import check_finite, check_not_empty, check_tensor


class FrozenLinear(torch.nn.Module):
    """A linear layer whose codes and scales are buffers, and whose kernel's layout is made when needed."""

    codes: Tensor
    scale: Tensor
    bias: Tensor | None

    #: Dtypes of the activations.
    dtypes: tuple[torch.dtype, ...] = (torch.float32,)

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self._prepared: tuple[str, Any] | None = None

    @property
    def kernel(self) -> str:
        """The name of the kernel that multiplies."""
        return self._ready()[0]

    def weight_bytes(self) -> int:
        """Bytes of codes and scales: what has to be read for each token that is generated alone.

        The kernel's own layout, of the same codes, is held beside them once the layer has run.
        """
        return sum(tensor.numel() * tensor.element_size() for tensor in (self.codes, self.scale))

    def _choose(self) -> str:
        """Name the kernel for this shape, on this machine."""
        raise NotImplementedError

    def _pack(self, kernel: str) -> Any:
        """Lay the codes out as the kernel wants them."""
        raise NotImplementedError

    def _ready(self) -> tuple[str, Any]:
        if self._prepared is None:  # once: for one token, choosing would cost a tenth of the product
            kernel = self._choose()
            self._prepared = kernel, self._pack(kernel)
        return self._prepared

    def _rows(self, x: Tensor) -> Tensor:
        """Check activations and give them as a matrix: whether they are finite is checked elsewhere."""
        check_tensor("x", x)
        if x.dtype not in self.dtypes:
            names = " or ".join(map(str, self.dtypes))
            raise TypeError(f"x must be {names}, got {x.dtype}: convert it with x.float().")
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ValueError(
                f"x must have {self.in_features} features in its last axis, got shape {list(x.shape)}."
            )
        check_not_empty("x", x)
        if x.device != self.codes.device:
            raise ValueError(f"x must be on the device of the weight, {self.codes.device}, got {x.device}.")
        # No gradient: codes have none. What is not needed is left out: between large products, whose weights
        # fill the caches, the smallest operation takes ten microseconds.
        x = x.detach() if x.requires_grad else x
        return x if x.ndim == 2 else x.reshape(-1, self.in_features)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._prepared = None  # that of the old codes

    def _apply(self, *args: Any, **kwargs: Any) -> Self:
        self._prepared = None  # perhaps on another device
        return super()._apply(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_prepared": None}  # a kernel's layout can be neither copied nor saved

    def extra_repr(self) -> str:
        """Name shapes and kernel when the layer is printed."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}, kernel={self.kernel!r}"
        )


def check_linear(value: Any) -> None:
    """Raise unless ``value`` is a torch.nn.Linear of finite float32 numbers."""
    if not isinstance(value, torch.nn.Linear):
        raise TypeError(f"linear must be a torch.nn.Linear, got {type(value).__name__}.")
    for name, tensor in (("linear.weight", value.weight), ("linear.bias", value.bias)):
        if tensor is None:
            continue
        if tensor.dtype != torch.float32:
            raise TypeError(f"{name} must be torch.float32, got {tensor.dtype}: convert with linear.float().")
        check_not_empty(name, tensor)
        check_finite(name, tensor)


def frozen_copy(tensor: Tensor | None) -> Tensor | None:
    """Copy a parameter so that training the original does not reach the layer."""
    return None if tensor is None else tensor.detach().clone()
